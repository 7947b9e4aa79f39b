-- All cities of all loaded months, from the one with the highest revenue down, as at most twenty groups of equal size;
-- everything that the story says about concentration is a sum over these groups.
WITH totals AS (
    SELECT
        city,
        CAST(SUM(orders) AS BIGINT) AS orders,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 100 AS BIGINT) AS cents
    FROM sales_by_city
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
    SUM(CASE WHEN twentieths.orders = 1 THEN 1 ELSE 0 END) AS single_order_cities,
    SUM(CASE WHEN twentieths.orders >= 30 THEN 1 ELSE 0 END) AS cities_of_30_orders,
    CAST(SUM(twentieths.orders) AS BIGINT) AS orders,
    CAST(SUM(twentieths.cents) AS BIGINT) AS cents,
    CAST(SUM(CASE WHEN place <= 10 THEN twentieths.cents ELSE 0 END) AS BIGINT) AS ten_largest_cents,
    CAST(
        SUM(CAST(twentieths.cents AS DECIMAL(19, 0)) * CAST(twentieths.cents AS DECIMAL(19, 0))) AS DECIMAL(38, 0)
    ) AS squares
FROM twentieths
GROUP BY twentieth
