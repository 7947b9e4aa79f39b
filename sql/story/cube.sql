-- Sums by every dimension that the story filters or explains by, for the latest 25 loaded months. Its size is bounded
-- whatever the data: the eight largest categories and payment methods keep their names, and cities are two groups.
-- Squares of amounts are exact, so the variances made from them are the same on every engine.
WITH recent AS (
    SELECT
        month
    FROM (
        SELECT
            month,
            ROW_NUMBER() OVER (ORDER BY month DESC NULLS LAST) AS place
        FROM walmart_sales
        GROUP BY month
    ) AS loaded
    WHERE place <= 25
),
categories AS (
    SELECT
        category,
        ROW_NUMBER() OVER (ORDER BY SUM(purchase_amount) DESC NULLS LAST, category ASC NULLS LAST) AS place
    FROM walmart_sales
    WHERE month IN (
        SELECT
            month
        FROM recent
    )
    GROUP BY category
),
payment_methods AS (
    SELECT
        payment_method,
        ROW_NUMBER() OVER (ORDER BY SUM(purchase_amount) DESC NULLS LAST, payment_method ASC NULLS LAST) AS place
    FROM walmart_sales
    WHERE month IN (
        SELECT
            month
        FROM recent
    )
    GROUP BY payment_method
),
cities AS (
    SELECT
        city,
        ROW_NUMBER() OVER (ORDER BY SUM(purchase_amount) DESC NULLS LAST, city ASC NULLS LAST) AS place
    FROM walmart_sales
    WHERE month IN (
        SELECT
            month
        FROM recent
    )
    GROUP BY city
),
labelled AS (
    SELECT
        walmart_sales.month,
        COALESCE(categories.category, 'Other') AS category,
        COALESCE(payment_methods.payment_method, 'Other') AS payment_method,
        walmart_sales.discount_applied,
        walmart_sales.repeat_customer,
        CASE WHEN cities.city IS NULL THEN 'Other cities' ELSE '10 largest cities' END AS city_group,
        walmart_sales.age_group,
        walmart_sales.customer_id,
        walmart_sales.purchase_amount
    FROM walmart_sales
    JOIN recent ON walmart_sales.month = recent.month
    LEFT JOIN categories ON walmart_sales.category = categories.category AND categories.place <= 8
    LEFT JOIN payment_methods
        ON walmart_sales.payment_method = payment_methods.payment_method AND payment_methods.place <= 8
    LEFT JOIN cities ON walmart_sales.city = cities.city AND cities.place <= 10
)
SELECT
    month,
    category,
    payment_method,
    discount_applied,
    repeat_customer,
    city_group,
    age_group,
    COUNT(customer_id) AS orders,
    CAST(CAST(SUM(purchase_amount) AS DECIMAL(24, 2)) * 100 AS BIGINT) AS cents,
    CAST(
        SUM(CAST(purchase_amount AS DECIMAL(19, 2)) * CAST(purchase_amount AS DECIMAL(19, 2))) AS DECIMAL(38, 4)
    ) AS squares
FROM labelled
GROUP BY month, category, payment_method, discount_applied, repeat_customer, city_group, age_group
