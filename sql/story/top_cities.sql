-- The ten largest cities of the latest 25 loaded months by name, with dimensions of cube.sql that readers filter by.
WITH recent AS (
    SELECT
        month
    FROM (
        SELECT
            month,
            ROW_NUMBER() OVER (ORDER BY month DESC NULLS LAST) AS place
        FROM sales_by_month
    ) AS loaded
    WHERE place <= 25
),
categories AS (
    SELECT
        category,
        ROW_NUMBER() OVER (ORDER BY SUM(revenue) DESC NULLS LAST, category ASC NULLS LAST) AS place
    FROM sales_by_segment
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
        ROW_NUMBER() OVER (ORDER BY SUM(revenue) DESC NULLS LAST, payment_method ASC NULLS LAST) AS place
    FROM sales_by_segment
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
        ROW_NUMBER() OVER (ORDER BY SUM(revenue) DESC NULLS LAST, city ASC NULLS LAST) AS place
    FROM sales_by_city
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
        walmart_sales.city,
        walmart_sales.customer_id,
        walmart_sales.purchase_amount
    FROM walmart_sales
    JOIN recent ON walmart_sales.month = recent.month
    LEFT JOIN categories ON walmart_sales.category = categories.category AND categories.place <= 8
    LEFT JOIN payment_methods
        ON walmart_sales.payment_method = payment_methods.payment_method AND payment_methods.place <= 8
    JOIN cities ON walmart_sales.city = cities.city AND cities.place <= 10
)
SELECT
    month,
    category,
    payment_method,
    discount_applied,
    repeat_customer,
    city,
    COUNT(customer_id) AS orders,
    CAST(CAST(SUM(purchase_amount) AS DECIMAL(24, 2)) * 100 AS BIGINT) AS cents
FROM labelled
GROUP BY month, category, payment_method, discount_applied, repeat_customer, city
