/* ---
title: Revenue by age group
question: Which age groups bring the revenue?
grain: [age_group]
columns:
  age_group:
    type: VARCHAR
    unit: label
    description: Age band of the customer; Unknown where the age is missing or impossible.
  age_from:
    type: INTEGER
    unit: years
    description: Youngest age of the band, to order the bands by. Null for Unknown.
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
  x: age_group
  y: [revenue]
  sort: [age_from asc]
  caption: The bands differ in width, so compare order values rather than bar lengths.
--- */
WITH totals AS (
    SELECT
        age_group,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(revenue) AS DECIMAL(18, 2)) AS revenue,
        CAST(SUM(orders) AS BIGINT) AS orders
    FROM sales_by_segment
    GROUP BY age_group
)
SELECT
    age_group,
    CASE age_group
        WHEN '<18' THEN 0
        WHEN '18-24' THEN 18
        WHEN '25-34' THEN 25
        WHEN '35-44' THEN 35
        WHEN '45-54' THEN 45
        WHEN '55-64' THEN 55
        WHEN '65+' THEN 65
    END AS age_from,
    revenue,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov,
    CAST(revenue AS DOUBLE PRECISION) / CAST(SUM(revenue) OVER () AS DOUBLE PRECISION) AS revenue_share
FROM totals
