/* ---
title: Revenue by category and month
question: Which categories grow or shrink from month to month?
grain: [category, month]
columns:
  category:
    type: VARCHAR
    unit: label
    description: Product category.
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
  y: [revenue]
  series: category
  sort: [category asc, month asc]
  caption: One line per category; lines that part from the others deserve a look.
--- */
WITH totals AS (
    SELECT
        category,
        month,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(revenue) AS DECIMAL(18, 2)) AS revenue,
        CAST(SUM(orders) AS BIGINT) AS orders
    FROM sales_by_segment
    GROUP BY category, month
)
SELECT
    category,
    month,
    revenue,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov
FROM totals
