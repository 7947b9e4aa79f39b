-- One row per committed load of a month, written in the transaction that replaces the month's rows.
-- The key makes the second of two first loads of a month fail where keys are enforced (DuckDB); Redshift does not
-- enforce them, so there the table is locked first. Times are UTC.
CREATE TABLE IF NOT EXISTS load_ledger (
    load_id VARCHAR(32) NOT NULL,
    month VARCHAR(7) NOT NULL,
    version INTEGER NOT NULL,
    is_active BOOLEAN NOT NULL,
    loaded_rows BIGINT NOT NULL,
    quarantined_rows BIGINT NOT NULL,
    duplicate_rows BIGINT NOT NULL,
    total_cents BIGINT NOT NULL,
    object_key VARCHAR(1024) NOT NULL,
    object_sha256 VARCHAR(64) NOT NULL,
    source_key VARCHAR(1024) NOT NULL,
    source_etag VARCHAR(256) NOT NULL,
    source_sha256 VARCHAR(64) NOT NULL,
    source_records BIGINT NOT NULL,
    source_quarantined BIGINT NOT NULL,
    source_duplicates BIGINT NOT NULL,
    source_repairs BIGINT NOT NULL,
    contract_version VARCHAR(64) NOT NULL,
    code_version VARCHAR(128) NOT NULL,
    run_id VARCHAR(256) NOT NULL,
    supersedes VARCHAR(32),
    committed_at TIMESTAMP NOT NULL,
    activated_at TIMESTAMP NOT NULL,
    PRIMARY KEY (month, version)
)
