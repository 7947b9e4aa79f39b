-- Read-only access for Tableau and for people: the KPI views, not the rows of single customers. Run after the first load,
-- by the administrator, in the database `sales`. Each statement stands for itself and, but for the first, may be repeated.

-- Members are added with: ALTER GROUP walmart_bi_readers ADD USER somebody;
CREATE GROUP walmart_bi_readers;

GRANT USAGE ON SCHEMA walmart_bi TO GROUP walmart_bi_readers;

-- Everything that is there, without the tables; the views read them with the rights of their owner.
GRANT SELECT ON ALL TABLES IN SCHEMA walmart_bi TO GROUP walmart_bi_readers;
REVOKE ALL ON walmart_bi.walmart_sales FROM GROUP walmart_bi_readers;
REVOKE ALL ON walmart_bi.load_ledger FROM GROUP walmart_bi_readers;
REVOKE ALL ON walmart_bi.sales_by_month FROM GROUP walmart_bi_readers;
REVOKE ALL ON walmart_bi.sales_by_segment FROM GROUP walmart_bi_readers;
REVOKE ALL ON walmart_bi.sales_by_city FROM GROUP walmart_bi_readers;

-- Views that come later, or are made anew because their columns changed. Tables are never made anew, but a later version
-- may bring new ones, which this opens to readers too: after an upgrade run that version's REVOKE lines again.
ALTER DEFAULT PRIVILEGES FOR USER "IAMR:walmart-bi-pipeline" IN SCHEMA walmart_bi
GRANT SELECT ON TABLES TO GROUP walmart_bi_readers;
