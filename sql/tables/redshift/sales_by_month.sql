-- How Redshift keeps the table; the columns are those of ../sales_by_month.sql, which this follows.
-- A row a month, read whole: a copy on every node.
DISTSTYLE ALL
COMPOUND SORTKEY (month)
