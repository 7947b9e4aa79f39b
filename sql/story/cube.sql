-- Sums by every dimension that the story filters or explains by, for the latest 25 loaded months. Its size is bounded
-- whatever the data: the eight largest categories and payment methods keep their names, and cities are two groups.
-- No rollup has cities beside the other dimensions, it would be as long as the rows: so the ten largest cities are
-- summed from their rows, and the other cities are the rollup without them, which is exact in whole cents.
-- Squares of amounts are exact, so the variances made from them are the same on every engine.
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
largest AS (
    SELECT
        walmart_sales.month,
        walmart_sales.category,
        walmart_sales.payment_method,
        walmart_sales.discount_applied,
        walmart_sales.repeat_customer,
        walmart_sales.age_group,
        COUNT(walmart_sales.customer_id) AS orders,
        CAST(SUM(walmart_sales.purchase_amount) AS DECIMAL(24, 2)) AS revenue,
        CAST(
            SUM(
                CAST(walmart_sales.purchase_amount AS DECIMAL(19, 2))
                * CAST(walmart_sales.purchase_amount AS DECIMAL(19, 2))
            ) AS DECIMAL(38, 4)
        ) AS squares
    FROM walmart_sales
    JOIN recent ON walmart_sales.month = recent.month
    JOIN cities ON walmart_sales.city = cities.city AND cities.place <= 10
    GROUP BY
        walmart_sales.month,
        walmart_sales.category,
        walmart_sales.payment_method,
        walmart_sales.discount_applied,
        walmart_sales.repeat_customer,
        walmart_sales.age_group
),
parts AS (
    SELECT
        month,
        category,
        payment_method,
        discount_applied,
        repeat_customer,
        'Other cities' AS city_group,
        age_group,
        orders,
        revenue,
        squares
    FROM sales_by_segment
    UNION ALL
    SELECT
        month,
        category,
        payment_method,
        discount_applied,
        repeat_customer,
        'Other cities' AS city_group,
        age_group,
        -orders AS orders,
        -revenue AS revenue,
        -squares AS squares
    FROM largest
    UNION ALL
    SELECT
        month,
        category,
        payment_method,
        discount_applied,
        repeat_customer,
        '10 largest cities' AS city_group,
        age_group,
        orders,
        revenue,
        squares
    FROM largest
),
labelled AS (
    SELECT
        parts.month,
        COALESCE(categories.category, 'Other') AS category,
        COALESCE(payment_methods.payment_method, 'Other') AS payment_method,
        parts.discount_applied,
        parts.repeat_customer,
        parts.city_group,
        parts.age_group,
        parts.orders,
        parts.revenue,
        parts.squares
    FROM parts
    JOIN recent ON parts.month = recent.month
    LEFT JOIN categories ON parts.category = categories.category AND categories.place <= 8
    LEFT JOIN payment_methods
        ON parts.payment_method = payment_methods.payment_method AND payment_methods.place <= 8
)
SELECT
    month,
    category,
    payment_method,
    discount_applied,
    repeat_customer,
    city_group,
    age_group,
    CAST(SUM(orders) AS BIGINT) AS orders,
    CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 100 AS BIGINT) AS cents,
    CAST(SUM(squares) AS DECIMAL(38, 4)) AS squares
FROM labelled
GROUP BY month, category, payment_method, discount_applied, repeat_customer, city_group, age_group
HAVING SUM(orders) <> 0
