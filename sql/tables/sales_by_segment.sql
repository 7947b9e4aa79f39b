-- Sums of walmart_sales by month and every dimension with few values, refreshed in the same transaction. Exact: revenue
-- is to the cent, and squares is the sum of squared amounts, from which a variance can be made.
CREATE TABLE IF NOT EXISTS sales_by_segment (
    month DATE NOT NULL,
    category VARCHAR(1024) NOT NULL,
    payment_method VARCHAR(1024) NOT NULL,
    discount_applied BOOLEAN NOT NULL,
    repeat_customer BOOLEAN NOT NULL,
    age_group VARCHAR(16) NOT NULL,
    orders BIGINT NOT NULL,
    revenue DECIMAL(24, 2) NOT NULL,
    squares DECIMAL(38, 4) NOT NULL
)
