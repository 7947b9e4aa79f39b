"""Warehouses: where loaded rows, the load ledger and the KPI views live. `base.py` says what every one promises."""
