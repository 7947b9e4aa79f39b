-- Each loaded month: its first and last day with orders, its orders and its revenue in cents.
SELECT
    month,
    first_date,
    last_date,
    orders,
    CAST(revenue * 100 AS BIGINT) AS cents
FROM sales_by_month
