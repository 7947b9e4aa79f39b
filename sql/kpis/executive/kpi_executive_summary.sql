/* ---
title: Executive summary
question: Is revenue growing, and does the change come from more orders or from larger ones?
grain: [month]
columns:
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
  previous_month:
    type: DATE
    unit: month
    description: The month compared with, the one present before this; not the calendar's when a month is missing. Null for the first.
  revenue_change:
    type: DECIMAL(18, 2)
    unit: usd
    description: revenue minus that of previous_month. Null for the first month.
  orders_effect:
    type: DECIMAL(18, 2)
    unit: usd
    description: "Part of revenue_change from the number of orders: change in orders times the mean of both months' unrounded order values (midpoint split), rounded to the cent with halves away from zero."
  aov_effect:
    type: DECIMAL(18, 2)
    unit: usd
    description: "Part of revenue_change from the order value: revenue_change minus orders_effect, so that both add up to the cent."
show:
  chart: effects
  x: month
  y: [orders_effect, aov_effect]
  sort: [month asc]
  caption: The two bars of a month add up to its change in revenue; a month with missing days shows a change that is none.
--- */
WITH totals AS (
    SELECT
        month,
        CAST(CAST(SUM(revenue) AS DECIMAL(24, 2)) * 200 AS BIGINT) + CAST(SUM(orders) AS BIGINT) AS halves,
        CAST(SUM(revenue) AS DECIMAL(18, 2)) AS revenue,
        CAST(SUM(orders) AS BIGINT) AS orders
    FROM sales_by_month
    GROUP BY month
),
pairs AS (
    SELECT
        month,
        revenue,
        orders,
        halves,
        LAG(month) OVER (ORDER BY month ASC NULLS LAST) AS previous_month,
        LAG(revenue) OVER (ORDER BY month ASC NULLS LAST) AS previous_revenue,
        LAG(orders) OVER (ORDER BY month ASC NULLS LAST) AS previous_orders
    FROM totals
),
fractions AS (
    SELECT
        month,
        revenue,
        orders,
        halves,
        previous_month,
        revenue - previous_revenue AS revenue_change,
        CASE WHEN orders < previous_orders THEN -1 ELSE 1 END AS direction,
        CAST(4 AS DECIMAL(38, 0)) * orders * previous_orders AS divisor,
        CAST(
            (CAST(previous_revenue AS DECIMAL(38, 2)) * orders + CAST(revenue AS DECIMAL(38, 2)) * previous_orders)
            * (200 * ABS(orders - previous_orders))
            AS DECIMAL(38, 0)
        ) + CAST(2 AS DECIMAL(38, 0)) * orders * previous_orders AS effect_halves
    FROM pairs
),
effects AS (
    SELECT
        month,
        revenue,
        orders,
        halves,
        previous_month,
        CAST(revenue_change AS DECIMAL(18, 2)) AS revenue_change,
        CAST(
            CAST(
                ROUND(
                    CAST(effect_halves - MOD(effect_halves, divisor) AS DOUBLE PRECISION)
                    / CAST(divisor AS DOUBLE PRECISION)
                )
                AS BIGINT
            ) * direction * 0.01
            AS DECIMAL(18, 2)
        ) AS orders_effect
    FROM fractions
)
SELECT
    month,
    revenue,
    orders,
    -- Exact on every engine: "Exact averages" in docs/kpis.md.
    CAST(
        CAST(ROUND(CAST(halves - MOD(halves, 2 * orders) AS DOUBLE PRECISION) / (2 * orders)) AS BIGINT) * 0.01
        AS DECIMAL(18, 2)
    ) AS aov,
    previous_month,
    revenue_change,
    orders_effect,
    CAST(revenue_change - orders_effect AS DECIMAL(18, 2)) AS aov_effect
FROM effects
