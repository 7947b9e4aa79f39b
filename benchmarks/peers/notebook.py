"""What a notebook does: `read_csv`, strip, map, coerce, drop, `to_csv`.  python -m benchmarks.peers.notebook IN OUT"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers import FLAGS, GROUPS, KNOWN, NO_GROUP, answer


def main() -> int:
    source, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    data = pd.read_csv(source)
    raw_equal = data.duplicated()
    for name in ("Customer_ID", "City", *KNOWN, "Discount_Applied", "Repeat_Customer"):
        data[name] = data[name].str.strip()
    for name, values in KNOWN.items():
        data[name] = data[name].str.lower().map(values).fillna(data[name])
    for name in ("Discount_Applied", "Repeat_Customer"):
        data[name] = data[name].str.lower().map(FLAGS)
    dashes = data["Purchase_Date"].str.strip().str.replace("/", "-")
    data["Purchase_Date"] = pd.to_datetime(dashes, format="%Y-%m-%d", errors="coerce")
    for name in ("Age", "Purchase_Amount", "Rating"):
        data[name] = pd.to_numeric(data[name], errors="coerce")
    data["Age"] = data["Age"].where(data["Age"].between(0, 120))
    data["Rating"] = data["Rating"].where(data["Rating"].between(1, 5))
    data["reason"] = None
    tests = {
        "invalid_flag": data["Discount_Applied"].isna() | data["Repeat_Customer"].isna(),
        "non_positive_amount": data["Purchase_Amount"] <= 0,
        "invalid_amount": data["Purchase_Amount"].isna(),
        "invalid_date": data["Purchase_Date"].isna(),
        "missing_customer_id": data["Customer_ID"].isna(),
    }
    for reason, bad in tests.items():
        data.loc[bad, "reason"] = reason
    quarantined = data["reason"].notna()
    copies = raw_equal & ~quarantined
    good = data[~quarantined & ~copies].drop(columns="reason")
    good["Month"] = good["Purchase_Date"].dt.strftime("%Y-%m-01")
    limits = [-1, *(limit for _, limit in GROUPS)]
    groups = pd.cut(good["Age"], bins=limits, labels=[name for name, _ in GROUPS])
    good["Age_Group"] = groups.cat.add_categories(NO_GROUP).fillna(NO_GROUP)
    good.to_csv(out / "clean.csv", index=False)
    data[quarantined].to_csv(out / "bad.csv", index=False)
    cents = int(np.rint(good["Purchase_Amount"] * 100).sum())
    answer(len(good), int(quarantined.sum()), int(copies.sum()), cents)
    return 0


if __name__ == "__main__":
    sys.exit(main())
