"""Which modules are changed, which tests judge the changes, and how many of the changes are tried."""

from __future__ import annotations

from dataclasses import dataclass

_SALES, _UNIT, _CONTRACTS = "walmart_bi_tests/unit/sales", "walmart_bi_tests/unit", "walmart_bi_tests/contracts"
_COLUMNS = tuple(f"{_SALES}/test_{name}.py" for name in ("columns", "amounts", "cleaned_file"))
_CLEANING = (f"{_SALES}/test_cleaning.py", f"{_SALES}/test_cleaned_file.py", f"{_SALES}/test_corpus.py")
_QUICK = " and not killed and not processes and not during_loads and not places_of_replaced"
_ON_DUCKDB = f"duckdb and (test_warehouse or test_rollups or table_name or their_pieces_are_joined){_QUICK}"
_OBJECT = (
    "duckdb and (first_load_brings or stops_the_load or cannot_be_restored or without_rows or value_arrives_exactly"
    " or more_is_refused or missing_value_is_refused)"
)
# A test on the stand-in costs seconds, so these are few: what the loads hold, and what only Redshift does.
_STAGED = (
    "redshift and (copies_from or only_redshift_can or long_in_bytes or without_the_right or masked or role"
    " or control_total or ledger_says or other_columns or row_of_another)"
)
_COMMITTED = (
    "redshift and (copies_from or unchanged_month or view_keeps or of_the_settings or before_the_first_load"
    " or told_apart_by_the_lock or without_end or last_try or person_allows or lost_answer or lost_commit"
    " or stays_unknown or busy_ledger or can_be_made_active_again or view_name or first_load_brings"
    " or names_the_holder or months_are_independent"
    " or view_is_created or first_view_that_is_made or lost_on_the_way)"
)
_LOADS = (f"{_CONTRACTS}/test_warehouse.py",)
_LOCAL = (*_LOADS, f"{_UNIT}/test_duckdb_warehouse.py")
_REDSHIFT = (f"{_UNIT}/redshift/test_warehouse.py", *_LOADS, f"{_CONTRACTS}/test_rollups.py")


@dataclass(frozen=True)
class Module:
    """A module and its tests. Of one with more mutants than `sample`, so many are drawn; with none, all are tried.

    The tests are the module's own and those of the promises that it keeps: few, because each mutant runs them. `only`
    selects among them by name, as pytest's `-k`: those of the other target, and those that race or are killed for
    seconds, would cost most and see least.
    """

    group: str
    path: str
    tests: tuple[str, ...]
    sample: int | None = None
    only: str = ""


MODULES: dict[str, Module] = {
    "values": Module("rules", "walmart_bi/sales/values.py", (f"{_SALES}/test_values.py",)),
    "date_order": Module("rules", "walmart_bi/sales/date_order.py", (f"{_SALES}/test_date_order.py",)),
    "amounts": Module("rules", "walmart_bi/sales/amounts.py", (f"{_SALES}/test_amounts.py",)),
    "columns": Module("rules", "walmart_bi/sales/columns.py", _COLUMNS, 100),
    "cleaning": Module("rules", "walmart_bi/sales/cleaning.py", _CLEANING, 100),
    "duplicates": Module("rules", "walmart_bi/sales/duplicates.py", (f"{_SALES}/test_duplicates.py",)),
    "extra_copies": Module("rules", "walmart_bi/sales/extra_copies.py", (f"{_SALES}/test_cleaned_file.py",)),
    "gates": Module("rules", "walmart_bi/sales/gates.py", (f"{_SALES}/test_gates.py",)),
    "coverage": Module("rules", "walmart_bi/sales/coverage.py", (f"{_SALES}/test_coverage.py",)),
    "counting": Module("rules", "walmart_bi/sales/counting.py", (f"{_SALES}/test_counting.py",)),
    "header": Module("rules", "walmart_bi/sales/header.py", (f"{_SALES}/test_header.py",)),
    "splitting": Module("rules", "walmart_bi/sales/splitting.py", (f"{_SALES}/test_splitting.py",), 100),
    "publishing": Module("loader", "walmart_bi/sales/publishing.py", (f"{_SALES}/test_publishing.py",), 100),
    "duckdb_warehouse": Module("loader", "walmart_bi/warehouse/duckdb_warehouse.py", _LOCAL, 50, _ON_DUCKDB),
    "redshift_warehouse": Module("loader", "walmart_bi/warehouse/redshift_warehouse.py", _REDSHIFT, 20, _COMMITTED),
    "redshift_stage": Module("loader", "walmart_bi/warehouse/redshift_stage.py", _REDSHIFT, 20, _STAGED),
    "copy": Module("loader", "walmart_bi/warehouse/copy.py", _REDSHIFT, 20, _STAGED),
    "month_object": Module(
        "loader", "walmart_bi/warehouse/month_object.py", (*_LOADS, f"{_CONTRACTS}/test_limits.py"), 40, _OBJECT
    ),
    "names": Module("loader", "walmart_bi/warehouse/names.py", _LOADS, None, "duckdb and view_name"),
    "totals": Module("loader", "walmart_bi/warehouse/totals.py", (f"{_UNIT}/test_ledger.py",)),
    "rollups": Module("loader", "walmart_bi/warehouse/rollups.py", (f"{_CONTRACTS}/test_rollups.py",), 40, _ON_DUCKDB),
    "locking": Module("loader", "walmart_bi/warehouse/locking.py", (f"{_UNIT}/test_database_lock.py",)),
    "rollup_agreement": Module(
        "loader", "walmart_bi/warehouse/rollup_agreement.py", (f"{_CONTRACTS}/test_rollups.py",), 40, _ON_DUCKDB
    ),
    "ledger": Module("ledger", "walmart_bi/warehouse/ledger.py", (f"{_UNIT}/test_ledger.py",)),
    "integrity": Module(
        "ledger",
        "walmart_bi/warehouse/integrity.py",
        (f"{_UNIT}/warehouse/test_integrity_rules.py", f"{_UNIT}/warehouse/test_integrity.py"),
    ),
    "source_age": Module("ledger", "walmart_bi/warehouse/source_age.py", (f"{_UNIT}/warehouse/test_source_age.py",)),
}
GROUPS = tuple(dict.fromkeys(module.group for module in MODULES.values()))
