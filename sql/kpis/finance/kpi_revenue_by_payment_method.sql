/* ---
title: Revenue by payment method
question: Through which means of payment does the revenue come in?
grain: [payment_method]
columns:
  payment_method:
    type: VARCHAR
    unit: label
    description: Means of payment.
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
  x: payment_method
  y: [revenue]
  sort: [revenue desc]
  caption: Longer bars bring more revenue; the share says how much of the whole.
--- */
WITH totals AS (
    SELECT
        payment_method,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(revenue) AS DECIMAL(18, 2)) AS revenue,
        CAST(SUM(orders) AS BIGINT) AS orders
    FROM sales_by_segment
    GROUP BY payment_method
)
SELECT
    payment_method,
    revenue,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov,
    CAST(revenue AS DOUBLE PRECISION) / CAST(SUM(revenue) OVER () AS DOUBLE PRECISION) AS revenue_share
FROM totals
