-- Sums of walmart_sales by month and city, refreshed in the same transaction. In a month whose cities are all different
-- it is as long as the month, with four columns instead of sixteen.
CREATE TABLE IF NOT EXISTS sales_by_city (
    month DATE NOT NULL,
    city VARCHAR(1024) NOT NULL,
    orders BIGINT NOT NULL,
    revenue DECIMAL(24, 2) NOT NULL
)
