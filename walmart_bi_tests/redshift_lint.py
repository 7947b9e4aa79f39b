"""What a statement that is sent to Redshift may say, where the engines of the tests would not tell.

PostgreSQL behind the stand-in takes much that Redshift refuses, and some of what only Redshift takes would do harm
that no test here could show. The rules are in `redshift_rules.py`, each with its reason and the page of the Redshift
Database Developer Guide that says so. The stricter rules for SQL that DuckDB runs too are in `sql_lint.py`.
"""

import re

from walmart_bi_tests.redshift_rules import RULES

_OPAQUE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)

# Names that Redshift refuses for a table, a column or an alias without quotes ("Reserved words" and "Unsupported
# PostgreSQL features", system columns); DuckDB and PostgreSQL take many of them.
_RESERVED = """
    aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary
    blanksasnull both bytedict bzip2 case cast check collate column constraint create credentials cross current_date
    current_time current_timestamp current_user current_user_id default deferrable deflate defrag delta delta32k desc
    disable distinct do else emptyasnull enable encode encrypt encryption end except explicit false for foreign freeze
    from full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially inner intersect
    interval into is isnull join language leading left like limit localtime localtimestamp lun luns lzo lzop minus
    mostly16 mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open or order outer
    overlaps parallel partition percent permissions pivot placing primary raw readratio recover references rejectlog
    resort respect restore right select session_user similar snapshot some sysdate system table tag tdes text255
    text32k then timestamp to top trailing true truncatecolumns union unique unnest unpivot user using verbose wallet
    when where with without
    tableoid xmin cmin xmax cmax ctid
"""
RESERVED_NAMES = frozenset(_RESERVED.split())


def broken_rules(sql: str) -> list[str]:
    """The names of the rules that the statement breaks."""
    text = _OPAQUE.sub(lambda part: "''" if part.group(0).startswith("'") else " ", sql)
    return [rule.name for rule in RULES if re.search(rule.pattern, text, re.IGNORECASE | re.DOTALL)]
