-- The rows of one month in sales_by_city, made from its sales.
SELECT
    month,
    city,
    COUNT(customer_id) AS orders,
    CAST(SUM(purchase_amount) AS DECIMAL(24, 2)) AS revenue
FROM walmart_sales
WHERE month = ?
GROUP BY month, city
