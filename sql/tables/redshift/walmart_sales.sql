-- How Redshift keeps the table; the columns are those of ../walmart_sales.sql, which this follows.
-- Months are replaced and compared as a whole, so rows are sorted by month. No query joins on a column, so rows are
-- spread evenly: any key but the nearly unique customer would put more rows on some slices than on others.
DISTSTYLE EVEN
COMPOUND SORTKEY (month, source_line)
