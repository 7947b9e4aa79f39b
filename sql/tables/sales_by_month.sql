-- One row per month with rows: what walmart_sales has of it, refreshed in the transaction that replaces the month.
-- load_id is the load that the rows of the month in all three rollups were made from.
CREATE TABLE IF NOT EXISTS sales_by_month (
    month DATE NOT NULL,
    load_id VARCHAR(32) NOT NULL,
    first_date DATE NOT NULL,
    last_date DATE NOT NULL,
    orders BIGINT NOT NULL,
    revenue DECIMAL(24, 2) NOT NULL
)
