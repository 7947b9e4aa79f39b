-- The active loads that the numbers were made from.
SELECT
    load_id,
    month,
    loaded_rows,
    source_sha256,
    source_quarantined,
    source_duplicates,
    committed_at
FROM load_ledger
WHERE is_active
