/* ---
title: Revenue with and without discount
question: How much revenue comes with a discount, and is the order value lower?
grain: [discount_applied]
columns:
  discount_applied:
    type: VARCHAR
    unit: label
    description: Yes where a discount was applied, else No.
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
  x: discount_applied
  y: [revenue]
  sort: [revenue desc]
  caption: Discounts are not given at random, so a difference is no proof of their effect.
--- */
WITH totals AS (
    SELECT
        discount_applied,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(revenue) AS DECIMAL(18, 2)) AS revenue,
        CAST(SUM(orders) AS BIGINT) AS orders
    FROM sales_by_segment
    GROUP BY discount_applied
)
SELECT
    CASE WHEN discount_applied THEN 'Yes' ELSE 'No' END AS discount_applied,
    revenue,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov,
    CAST(revenue AS DOUBLE PRECISION) / CAST(SUM(revenue) OVER () AS DOUBLE PRECISION) AS revenue_share
FROM totals
