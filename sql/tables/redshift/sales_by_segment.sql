-- How Redshift keeps the table; the columns are those of ../sales_by_segment.sql, which this follows.
-- Some hundred rows a month, however many orders it has: a copy on every node.
DISTSTYLE ALL
COMPOUND SORTKEY (month)
