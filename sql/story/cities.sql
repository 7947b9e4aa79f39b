-- All cities of all loaded months, from the one with the highest revenue down, as at most twenty groups of equal size;
-- everything that the story says about concentration is a sum over these groups.
WITH totals AS (
    SELECT
        city,
        COUNT(customer_id) AS orders,
        CAST(CAST(SUM(purchase_amount) AS DECIMAL(24, 2)) * 100 AS BIGINT) AS cents
    FROM walmart_sales
    GROUP BY city
),
places AS (
    SELECT
        orders,
        cents,
        ROW_NUMBER() OVER (ORDER BY cents DESC NULLS LAST, city ASC NULLS LAST) AS place,
        COUNT(*) OVER () AS cities
    FROM totals
),
twentieths AS (
    SELECT
        orders,
        cents,
        place,
        CAST(
            ROUND(CAST(20 * (place - 1) - MOD(20 * (place - 1), cities) AS DOUBLE PRECISION) / cities) AS BIGINT
        ) AS twentieth
    FROM places
)
SELECT
    twentieth,
    COUNT(*) AS cities,
    SUM(CASE WHEN orders = 1 THEN 1 ELSE 0 END) AS single_order_cities,
    SUM(CASE WHEN orders >= 30 THEN 1 ELSE 0 END) AS cities_of_30_orders,
    CAST(SUM(orders) AS BIGINT) AS orders,
    CAST(SUM(cents) AS BIGINT) AS cents,
    CAST(SUM(CASE WHEN place <= 10 THEN cents ELSE 0 END) AS BIGINT) AS ten_largest_cents,
    CAST(SUM(CAST(cents AS DECIMAL(19, 0)) * CAST(cents AS DECIMAL(19, 0))) AS DECIMAL(38, 0)) AS squares
FROM twentieths
GROUP BY twentieth
