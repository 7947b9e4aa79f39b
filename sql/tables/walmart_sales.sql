-- One row per accepted transaction. (load_id, source_line) identifies a row: the data itself has no transaction id.
-- Widths count bytes of UTF-8, as Redshift does; the cleaning contract holds every value to them before a load.
CREATE TABLE IF NOT EXISTS walmart_sales (
    month DATE NOT NULL,
    source_line BIGINT NOT NULL,
    customer_id VARCHAR(256) NOT NULL,
    age INTEGER,
    age_group VARCHAR(16) NOT NULL,
    gender VARCHAR(1024) NOT NULL,
    city VARCHAR(1024) NOT NULL,
    category VARCHAR(1024) NOT NULL,
    product_name VARCHAR(1024) NOT NULL,
    purchase_date DATE NOT NULL,
    purchase_amount DECIMAL(12, 2) NOT NULL,
    payment_method VARCHAR(1024) NOT NULL,
    discount_applied BOOLEAN NOT NULL,
    rating INTEGER,
    repeat_customer BOOLEAN NOT NULL,
    load_id VARCHAR(32) NOT NULL
)
