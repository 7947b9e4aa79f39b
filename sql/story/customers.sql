-- How many different customer ids there are: where nearly every order has its own, customers cannot be followed.
SELECT
    COUNT(DISTINCT customer_id) AS customers
FROM walmart_sales
