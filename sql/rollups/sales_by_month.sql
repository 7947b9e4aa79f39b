-- The row of one month in sales_by_month, made from its sales.
SELECT
    month,
    MAX(load_id) AS load_id,
    MIN(purchase_date) AS first_date,
    MAX(purchase_date) AS last_date,
    COUNT(customer_id) AS orders,
    CAST(SUM(purchase_amount) AS DECIMAL(24, 2)) AS revenue
FROM walmart_sales
WHERE month = ?
GROUP BY month
