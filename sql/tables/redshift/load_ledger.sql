-- How Redshift keeps the table; the columns are those of ../load_ledger.sql, which this follows.
-- A few rows a month, read whole: a copy on every node, in the order that people and loads read it.
DISTSTYLE ALL
COMPOUND SORTKEY (month, version)
