/* ---
title: Total revenue
question: How much have we sold, in how many orders, over which months?
grain: []
columns:
  total_revenue:
    type: DECIMAL(18, 2)
    unit: usd
    description: Sum of purchase_amount over all orders.
  orders:
    type: BIGINT
    unit: orders
    description: Number of orders, one per accepted row.
  aov:
    type: DECIMAL(18, 2)
    unit: usd
    description: Average order value, revenue / orders, rounded to the cent with halves up.
  first_month:
    type: DATE
    unit: month
    description: First month with an order.
  last_month:
    type: DATE
    unit: month
    description: Last month with an order.
show:
  chart: tiles
  y: [total_revenue, orders, aov]
  caption: All months that are shown, together.
--- */
WITH totals AS (
    SELECT
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(revenue) AS DECIMAL(18, 2)) AS total_revenue,
        CAST(SUM(orders) AS BIGINT) AS orders,
        MIN(month) AS first_month,
        MAX(month) AS last_month
    FROM sales_by_month
    HAVING COUNT(*) > 0
)
SELECT
    total_revenue,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov,
    first_month,
    last_month
FROM totals
