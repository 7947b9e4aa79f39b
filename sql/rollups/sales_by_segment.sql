-- The rows of one month in sales_by_segment, made from its sales.
SELECT
    month,
    category,
    payment_method,
    discount_applied,
    repeat_customer,
    age_group,
    COUNT(customer_id) AS orders,
    CAST(SUM(purchase_amount) AS DECIMAL(24, 2)) AS revenue,
    CAST(
        SUM(CAST(purchase_amount AS DECIMAL(19, 2)) * CAST(purchase_amount AS DECIMAL(19, 2))) AS DECIMAL(38, 4)
    ) AS squares
FROM walmart_sales
WHERE month = ?
GROUP BY month, category, payment_method, discount_applied, repeat_customer, age_group
