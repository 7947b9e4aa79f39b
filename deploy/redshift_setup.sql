-- The rights of the pipeline in the database. Run once, before the first load, by the administrator, in the database
-- `sales`; docs/deploy-aws.md says how. Put your own names for `walmart-bi-pipeline` (the role that runs the pipeline)
-- and for the ARN of the COPY role. Each statement stands for itself: one that says "already exists" was done before.

-- Whoever logs in with the role is this user. It has no password, so there is no other way to be it. Redshift makes the
-- user by itself at the role's first login; then this says that it exists.
CREATE USER "IAMR:walmart-bi-pipeline" PASSWORD DISABLE;

-- A schema of its own: the pipeline makes, reads and replaces its tables and views there, and owns them.
CREATE SCHEMA IF NOT EXISTS walmart_bi AUTHORIZATION "IAMR:walmart-bi-pipeline";

-- COPY goes into a temporary table first.
GRANT TEMPORARY ON DATABASE sales TO "IAMR:walmart-bi-pipeline";

-- At first every user may use every role that the namespace has. From here on only the pipeline, only this role, only COPY.
REVOKE ASSUMEROLE ON ALL FROM PUBLIC FOR ALL;
GRANT ASSUMEROLE ON 'arn:aws:iam::123456789012:role/walmart-bi-copy' TO "IAMR:walmart-bi-pipeline" FOR COPY;

-- Nothing is granted on system views: SYS_LOAD_ERROR_DETAIL and SVV_TRANSACTIONS show each user its own rows, and the
-- loads that the pipeline asks about are its own.
