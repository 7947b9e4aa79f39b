"""What a load left in a warehouse: orders, months and cents, asked of the table.  python -m benchmarks.loaded FILE"""

from __future__ import annotations

import json
import sys

import duckdb


def main() -> int:
    """Print them as one line of JSON."""
    with duckdb.connect(sys.argv[1], read_only=True) as database:
        row = database.execute(
            "SELECT COUNT(*), COUNT(DISTINCT month), CAST(SUM(purchase_amount) * 100 AS BIGINT) FROM walmart_sales"
        ).fetchone()
    assert row is not None
    print(json.dumps(dict(zip(("orders", "months", "cents"), row, strict=True))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
