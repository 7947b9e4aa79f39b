-- Each loaded month: its first and last day with orders, its orders and its revenue in cents.
SELECT
    month,
    MIN(purchase_date) AS first_date,
    MAX(purchase_date) AS last_date,
    COUNT(customer_id) AS orders,
    CAST(CAST(SUM(purchase_amount) AS DECIMAL(24, 2)) * 100 AS BIGINT) AS cents
FROM walmart_sales
GROUP BY month
