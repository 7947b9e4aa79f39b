"""The rules of `redshift_lint.py`: what PostgreSQL takes and Redshift does not, and the other way round. Data only."""

from typing import NamedTuple


class Rule(NamedTuple):
    """A form that is refused, why, the page of the guide that says so, and a statement that breaks the rule."""

    name: str
    pattern: str
    reason: str
    source: str
    example: str


POSTGRESQL_ONLY = (
    Rule(
        "ON CONFLICT",
        r"\bON\s+CONFLICT\b",
        "no key is enforced, so nothing can conflict; lock and replace",
        "r_INSERT_30",
        "INSERT INTO load_ledger (month) VALUES (?) ON CONFLICT DO NOTHING",
    ),
    Rule(
        "RETURNING",
        r"\bRETURNING\b",
        "not in its grammar; read in a second statement",
        "r_INSERT_30",
        "DELETE FROM load_ledger WHERE month = ? RETURNING load_id",
    ),
    Rule(
        "WITH before a change",
        r"^\s*WITH\b.*\)\s*(?:INSERT|UPDATE|DELETE)\b",
        "INSERT, UPDATE and DELETE take no WITH in front",
        "c_redshift-sql-implementated-differently",
        "WITH old AS (SELECT 1) DELETE FROM load_ledger WHERE version = 1",
    ),
    Rule(
        "DISTINCT ON",
        r"\bDISTINCT\s+ON\b",
        "not in its grammar; use ROW_NUMBER",
        "r_SELECT_synopsis",
        "SELECT DISTINCT ON (month) load_id FROM load_ledger",
    ),
    Rule(
        "LATERAL", r"\bLATERAL\b", "not in its grammar", "r_FROM_clause30", "SELECT 1 FROM a, LATERAL (SELECT 2) AS b"
    ),
    Rule(
        "FILTER",
        r"\bFILTER\s*\(",
        "aggregates take none; use CASE inside",
        "c_Aggregate_Functions",
        "SELECT COUNT(*) FILTER (WHERE is_active) FROM load_ledger",
    ),
    Rule(
        "named window",
        r"\bWINDOW\s+\w+\s+AS\b",
        "not in its grammar; write the window out",
        "r_SELECT_synopsis",
        "SELECT SUM(version) OVER w FROM load_ledger WINDOW w AS (PARTITION BY month)",
    ),
    Rule(
        "window frame without ROWS",
        r"\b(?:RANGE|GROUPS)\s+(?:BETWEEN|UNBOUNDED|CURRENT)\b",
        "frames are counted in rows only",
        "r_Window_function_synopsis",
        "SELECT SUM(version) OVER (ORDER BY version RANGE UNBOUNDED PRECEDING) FROM load_ledger",
    ),
    Rule(
        "window order without a frame",
        r"\b(?:SUM|COUNT|MIN|MAX|AVG|STDDEV\w*|VAR\w*|FIRST_VALUE|LAST_VALUE|NTH_VALUE)\s*\((?:[^()]|\([^()]*\))*\)"
        r"\s*OVER\s*\((?=[^()]*\bORDER\s+BY\b)(?![^()]*\b(?:ROWS|RANGE|GROUPS)\b)",
        "an aggregate over an ordered window needs its frame written out",
        "r_Window_function_synopsis",
        "SELECT SUM(version) OVER (PARTITION BY month ORDER BY version) FROM load_ledger",
    ),
    Rule(
        "EXCEPT ALL or INTERSECT ALL",
        r"\b(?:EXCEPT|INTERSECT)\s+ALL\b",
        "both remove duplicates there, and know no other way",
        "r_UNION",
        "SELECT month FROM load_ledger EXCEPT ALL SELECT month FROM load_ledger",
    ),
    Rule(
        "CONCAT of more than two",
        r"\bCONCAT\s*\((?:[^(),]|\([^()]*\))*,(?:[^(),]|\([^()]*\))*,",
        "it joins two texts; use ||",
        "r_CONCAT",
        "SELECT CONCAT(month, load_id, run_id) FROM load_ledger",
    ),
    Rule(
        "AGE or NOW",
        r"\b(?:AGE|NOW)\s*\(",
        "runs on the leader node alone, so never together with a table",
        "c_sql-functions-leader-node",
        "SELECT load_id FROM load_ledger WHERE committed_at < NOW()",
    ),
    Rule(
        "several changes of a table at once",
        r"^\s*ALTER\s+TABLE\b.*,\s*(?:ADD|DROP|ALTER)\b",
        "one ALTER TABLE adds or drops one column",
        "r_ALTER_TABLE",
        "ALTER TABLE load_ledger ADD COLUMN a INTEGER, ADD COLUMN b INTEGER",
    ),
    Rule(
        "word of a newer PostgreSQL",
        r"\bTABLESAMPLE\b|\bSYMMETRIC\b|\bAS\s+(?:NOT\s+)?MATERIALIZED\s*\(|\bGENERATED\s+ALWAYS\s+AS\s*\(|->",
        "not in its grammar, which is that of version 8",
        "c_redshift-and-postgres-sql",
        "WITH months AS MATERIALIZED (SELECT month FROM load_ledger) SELECT month FROM months",
    ),
    Rule(
        "DO, LISTEN or NOTIFY",
        r"^\s*(?:DO|LISTEN|NOTIFY)\b",
        "it has none of them",
        "c_unsupported-postgresql-features",
        "LISTEN load_ledger",
    ),
    Rule(
        "FETCH or FOR UPDATE",
        r"\bFETCH\s+(?:FIRST|NEXT)\b|\bFOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|SHARE)\b",
        "not in the grammar of SELECT; use LIMIT, and LOCK for the whole table",
        "r_SELECT_synopsis",
        "SELECT load_id FROM load_ledger FOR UPDATE",
    ),
    Rule(
        "IS DISTINCT FROM",
        r"\bIS\s+(?:NOT\s+)?DISTINCT\s+FROM\b",
        "not among its conditions; compare, and test for null",
        "r_conditions",
        "SELECT 1 FROM load_ledger WHERE supersedes IS DISTINCT FROM load_id",
    ),
    Rule(
        "VALUES as a table",
        r"\b(?:FROM|JOIN)\s*\(\s*VALUES\b",
        "lists of VALUES are no tables there",
        "c_unsupported-postgresql-features",
        "SELECT a FROM (VALUES (1), (2)) AS t (a)",
    ),
    Rule(
        "array",
        r"\bARRAY\s*\[|\w\s*\[\s*[\w:]*\s*\]",
        "no array type, constructor or subscript",
        "c_unsupported-postgresql-datatypes",
        "SELECT ARRAY[month] FROM load_ledger",
    ),
    Rule(
        "type that it lacks",
        r"\b(?:JSONB?|UUID|BYTEA|HSTORE|INET|CIDR|MONEY|XML|TSVECTOR|(?:SMALL|BIG)?SERIAL|(?:INT4|INT8|NUM|DATE)RANGE)\b",
        "it has no such type",
        "c_unsupported-postgresql-datatypes",
        "CREATE TABLE t (id BIGSERIAL)",
    ),
    Rule(
        "TEXT",
        r"\bTEXT\b(?=\s*[,)]|\s+(?:NOT\s+)?NULL\b|\s+DEFAULT\b)",
        "it becomes VARCHAR(256) without a word; give the width",
        "r_Character_types",
        "CREATE TABLE t (city TEXT NOT NULL)",
    ),
    Rule(
        "TYPE, DOMAIN, TRIGGER or RULE",
        r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:TYPE|DOMAIN|TRIGGER|RULE|EXTENSION|SEQUENCE)\b",
        "it has none of them",
        "c_unsupported-postgresql-features",
        "CREATE TYPE group_name AS ENUM ('a')",
    ),
    Rule(
        "INDEX",
        r"\bCREATE\s+(?:UNIQUE\s+)?INDEX\b",
        "it has none; declare a SORTKEY",
        "c_unsupported-postgresql-features",
        "CREATE INDEX months ON load_ledger (month)",
    ),
    Rule(
        "CHECK",
        r"\bCHECK\s*\(",
        "it has no such constraint; the rows are checked before they are loaded",
        "c_unsupported-postgresql-features",
        "CREATE TABLE t (age INTEGER CHECK (age > 0))",
    ),
    Rule(
        "partition, inheritance or tablespace",
        r"\bPARTITION\s+(?:BY\s+(?:RANGE|LIST|HASH)|OF)\b|\bINHERITS\s*\(|\bTABLESPACE\b|\bUNLOGGED\b",
        "a table has none of them",
        "c_unsupported-postgresql-features",
        "CREATE TABLE t (month DATE) PARTITION BY RANGE (month)",
    ),
    Rule(
        "LIKE with more than defaults",
        r"\bLIKE\s+\w+\s+INCLUDING\s+(?!DEFAULTS\b)",
        "a copied table takes INCLUDING or EXCLUDING DEFAULTS only",
        "r_CREATE_TABLE_NEW",
        "CREATE TEMPORARY TABLE t (LIKE walmart_sales INCLUDING ALL)",
    ),
    Rule(
        "IF EXISTS of a column",
        r"\bCOLUMN\s+IF\s+(?:NOT\s+)?EXISTS\b",
        "not in the grammar of ALTER TABLE",
        "r_ALTER_TABLE",
        "ALTER TABLE t DROP COLUMN IF EXISTS load_id",
    ),
    Rule(
        "LOCK with a mode",
        r"^\s*LOCK\b.*\b(?:MODE|NOWAIT)\b",
        "a table is locked from everybody, and waited for; there is no choice",
        "r_LOCK",
        "LOCK load_ledger IN SHARE MODE",
    ),
    Rule(
        "SAVEPOINT",
        r"\bSAVEPOINT\b",
        "a transaction is rolled back as a whole",
        "r_ROLLBACK",
        "SAVEPOINT before_delete",
    ),
    Rule(
        "advisory lock",
        r"\bPG_(?:TRY_)?ADVISORY_\w+",
        "not among its functions; use LOCK",
        "c_unsupported-postgresql-functions",
        "SELECT pg_advisory_lock(1)",
    ),
    Rule(
        "function that it lacks",
        r"\b(?:STRING_AGG|ARRAY_AGG|ARRAY_TO_STRING|UNNEST|REGEXP_MATCHES|JSON_\w*AGG|TO_JSONB?|FORMAT_TYPE|EVERY|MAKE_DATE|MAKE_TIMESTAMP|STATEMENT_TIMESTAMP|CLOCK_TIMESTAMP)\s*\(",
        "not among its functions",
        "c_unsupported-postgresql-functions",
        "SELECT STRING_AGG(load_id, ',') FROM load_ledger",
    ),
    Rule(
        "GENERATE_SERIES",
        r"\bGENERATE_SERIES\b",
        "runs on the leader node alone, so never together with a table",
        "c_sql-functions-leader-node",
        "SELECT month FROM load_ledger, GENERATE_SERIES(1, 3)",
    ),
    Rule(
        "cast by ::",
        r"::",
        "write CAST; to regclass and its like there is none",
        "c_unsupported-postgresql-datatypes",
        "SELECT 'load_ledger'::regclass",
    ),
    Rule(
        "INTERVAL",
        r"\bINTERVAL\b",
        "engines take other units and give other types; work the bound out and bind it",
        "r_interval_literals",
        "SELECT 1 FROM load_ledger WHERE committed_at > ? - INTERVAL '1 day'",
    ),
    Rule(
        "quoted name",
        r'"',
        "quoted names are folded to lower case there, and nowhere else",
        "r_names",
        'SELECT month AS "Month" FROM load_ledger',
    ),
    Rule(
        "two statements",
        r";\s*\S",
        "a prepared statement is one statement",
        "r_PREPARE",
        "BEGIN; LOCK load_ledger",
    ),
    Rule(
        "parameter without a type",
        r"(?:\b(?!CAST\b|IN\b|VALUES\b)\w+\s*\(\s*|\b\w+\s+|[-+*/|]\s*)(?:\?|\$\d)",
        "the driver sends texts and nulls without a type: that of a column compared or stored in, or CAST, gives one",
        "r_PREPARE",
        "SELECT load_id FROM load_ledger WHERE month = COALESCE($1, month)",
    ),
)

REDSHIFT_ONLY = (
    Rule(
        "TRUNCATE",
        r"\bTRUNCATE\b",
        "it commits the transaction that it stands in",
        "r_TRUNCATE",
        "TRUNCATE walmart_sales",
    ),
    Rule(
        "APPEND",
        r"\bALTER\s+TABLE\s+\w+\s+APPEND\b",
        "it commits, and empties the source",
        "r_ALTER_TABLE_APPEND",
        "ALTER TABLE walmart_sales APPEND FROM walmart_sales_stage",
    ),
    Rule(
        "MERGE",
        r"\bMERGE\s+INTO\b",
        "rows that the new version of a month no longer has would stay; replace the month",
        "r_MERGE",
        "MERGE INTO walmart_sales USING s ON a = b REMOVE DUPLICATES",
    ),
    Rule(
        "VACUUM or ANALYZE",
        r"^\s*(?:VACUUM|ANALYZE)\b",
        "it does both by itself, and VACUUM cannot run in a transaction",
        "r_VACUUM_command",
        "VACUUM walmart_sales",
    ),
    Rule(
        "COPY that drops or changes data",
        r"\b(?:MAXERROR|ACCEPTINVCHARS|TRUNCATECOLUMNS|FILLRECORD|IGNOREBLANKLINES|NOLOAD|ACCEPTANYDATE)\b",
        "rows or letters would be lost without an error",
        "copy-parameters-data-conversion",
        "COPY t FROM 's3://b/m' IAM_ROLE 'r' MANIFEST MAXERROR 5",
    ),
    Rule(
        "COPY with keys",
        r"\b(?:CREDENTIALS|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)\b",
        "statements are logged; give a role",
        "copy-parameters-authorization",
        "COPY t FROM 's3://b/m' ACCESS_KEY_ID 'a' MANIFEST",
    ),
    Rule(
        "COPY without a manifest",
        r"^\s*COPY\b(?!.*\bMANIFEST\b)",
        "a plain address is a prefix of many keys, and none of them is mandatory",
        "loading-data-files-using-manifest",
        "COPY t FROM 's3://b/x' IAM_ROLE 'r' FORMAT AS PARQUET",
    ),
    Rule(
        "late binding",
        r"\bWITH\s+NO\s+SCHEMA\s+BINDING\b",
        "a missing column shows only when somebody reads the view",
        "r_CREATE_VIEW",
        "CREATE VIEW v AS SELECT 1 AS a WITH NO SCHEMA BINDING",
    ),
    Rule(
        "QUALIFY, TOP, PIVOT or MINUS",
        r"\bQUALIFY\b|\bSELECT\s+(?:DISTINCT\s+)?TOP\b|\b(?:UN)?PIVOT\b|\bMINUS\b|\bCONNECT\s+BY\b",
        "not in PostgreSQL, so no test could run it; use ROW_NUMBER, LIMIT, CASE, EXCEPT",
        "r_QUALIFY_clause",
        "SELECT month FROM load_ledger QUALIFY ROW_NUMBER() OVER (ORDER BY month) = 1",
    ),
    Rule(
        "function of its own",
        r"\b(?:NVL2?|DECODE|GETDATE|SYSDATE|DATEADD|DATEDIFF|ADD_MONTHS|MONTHS_BETWEEN|LISTAGG|MEDIAN|RATIO_TO_REPORT|APPROXIMATE|LEN|CHARINDEX|STRTOL|CONVERT_TIMEZONE)\b",
        "PostgreSQL lacks it or means something else, so a test would prove nothing",
        "c_SQL_functions",
        "SELECT NVL(supersedes, load_id) FROM load_ledger",
    ),
    Rule(
        "type of its own",
        r"\b(?:SUPER|HLLSKETCH|VARBYTE|GEOMETRY|GEOGRAPHY)\b",
        "neither PostgreSQL nor DuckDB has it",
        "c_Supported_data_types",
        "CREATE TABLE t (extra SUPER)",
    ),
)

RULES = POSTGRESQL_ONLY + REDSHIFT_ONLY
