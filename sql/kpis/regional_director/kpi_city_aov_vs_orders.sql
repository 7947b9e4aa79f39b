/* ---
title: Order value against orders by city
question: Do cities with many orders also have a high order value?
grain: [city]
columns:
  city:
    type: VARCHAR
    unit: label
    description: City as delivered; cities of the same name count as one.
  orders:
    type: BIGINT
    unit: orders
    description: Number of orders, one per accepted row.
  aov:
    type: DECIMAL(18, 2)
    unit: usd
    description: Average order value, revenue / orders, rounded to the cent with halves up.
show:
  chart: scatter
  x: orders
  y: [aov]
  sort: [orders desc, city asc]
  minimum_orders: 30
  caption: Only cities with at least 30 orders; the average of fewer says little.
--- */
WITH totals AS (
    SELECT
        city,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(orders) AS BIGINT) AS orders
    FROM sales_by_city
    GROUP BY city
)
SELECT
    city,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov
FROM totals
