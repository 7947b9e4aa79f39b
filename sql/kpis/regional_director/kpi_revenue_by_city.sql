/* ---
title: Revenue by city
question: Which cities bring the revenue, and how concentrated is it?
grain: [city]
columns:
  city:
    type: VARCHAR
    unit: label
    description: City as delivered; cities of the same name count as one.
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
  revenue_rank:
    type: BIGINT
    unit: rank
    description: Place by revenue, highest first; equal revenue is ordered by name, so no place is shared.
  revenue_share:
    type: DOUBLE PRECISION
    unit: share
    description: revenue divided by the revenue of all rows.
show:
  chart: bar
  x: city
  y: [revenue]
  sort: [revenue_rank asc]
  top: 10
  caption: The largest cities beside all others together; where most cities have one order the order of places is chance.
--- */
WITH totals AS (
    SELECT
        city,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(revenue) AS DECIMAL(18, 2)) AS revenue,
        CAST(SUM(orders) AS BIGINT) AS orders
    FROM sales_by_city
    GROUP BY city
)
SELECT
    city,
    revenue,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov,
    ROW_NUMBER() OVER (ORDER BY revenue DESC NULLS LAST, city ASC NULLS LAST) AS revenue_rank,
    CAST(revenue AS DOUBLE PRECISION) / CAST(SUM(revenue) OVER () AS DOUBLE PRECISION) AS revenue_share
FROM totals
