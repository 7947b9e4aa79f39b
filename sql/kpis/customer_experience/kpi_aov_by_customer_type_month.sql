/* ---
title: Order value by customer type and month
question: Do repeat customers spend more per order than new ones, and does that change?
grain: [customer_type, month]
columns:
  customer_type:
    type: VARCHAR
    unit: label
    description: Repeat or New, as the delivered Repeat_Customer flag says.
  month:
    type: DATE
    unit: month
    description: First day of the month of purchase.
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
show:
  chart: line
  x: month
  y: [aov]
  series: customer_type
  sort: [customer_type asc, month asc]
  caption: The gap between the lines matters only if it lasts for months.
--- */
WITH totals AS (
    SELECT
        repeat_customer,
        month,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(revenue) AS DECIMAL(18, 2)) AS revenue,
        CAST(SUM(orders) AS BIGINT) AS orders
    FROM sales_by_segment
    GROUP BY repeat_customer, month
)
SELECT
    CASE WHEN repeat_customer THEN 'Repeat' ELSE 'New' END AS customer_type,
    month,
    revenue,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov
FROM totals
