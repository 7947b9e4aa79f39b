/* ---
title: Revenue by customer type
question: How much revenue comes from repeat and from new customers?
grain: [customer_type]
columns:
  customer_type:
    type: VARCHAR
    unit: label
    description: Repeat or New, as the delivered Repeat_Customer flag says.
  revenue:
    type: DECIMAL(18, 2)
    unit: usd
    description: Sum of purchase_amount.
  orders:
    type: BIGINT
    unit: orders
    description: Number of orders, one per accepted row.
  aov:
    type: DECIMAL(18, 2)
    unit: usd
    description: Average order value, revenue / orders, rounded to the cent with halves up.
  revenue_share:
    type: DOUBLE PRECISION
    unit: share
    description: revenue divided by the revenue of all rows.
show:
  chart: bar
  x: customer_type
  y: [revenue]
  sort: [revenue desc]
  caption: The flag is delivered with each order; customer ids hardly ever repeat and cannot confirm it.
--- */
WITH totals AS (
    SELECT
        repeat_customer,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(revenue) AS DECIMAL(18, 2)) AS revenue,
        CAST(SUM(orders) AS BIGINT) AS orders
    FROM sales_by_segment
    GROUP BY repeat_customer
)
SELECT
    CASE WHEN repeat_customer THEN 'Repeat' ELSE 'New' END AS customer_type,
    revenue,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov,
    CAST(revenue AS DOUBLE PRECISION) / CAST(SUM(revenue) OVER () AS DOUBLE PRECISION) AS revenue_share
FROM totals
