-- How Redshift keeps the table; the columns are those of ../sales_by_city.sql, which this follows.
-- Every query sums a city over months: kept together by city, that needs no exchange between nodes.
DISTSTYLE KEY
DISTKEY (city)
COMPOUND SORTKEY (month)
