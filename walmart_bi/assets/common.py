"""What all assets share: who owns them, how a person's error is shown, and where an asset's place in the graph is told.

Nothing about sales, KPIs or a warehouse belongs here.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg

from walmart_bi.errors import WalmartBiError

OWNERS = ["team:bi-engineering"]

RAW_SALES_FILE = "raw_sales_file"
CLEANED_SALES = "cleaned_sales"
MONTHLY_SALES_OBJECT = "monthly_sales_object"
WALMART_SALES = "walmart_sales"
KPI_INSIGHTS = "kpi_insights"
TABLEAU_SNAPSHOT = "tableau_snapshot"
STORY_DASHBOARD = "story_dashboard"

MONTH_TAG = "month"
FILE_TAG = "file"

# The Dagster UI shows Markdown of less than 1,000 characters in place, and hides longer text behind a link.
MARKDOWN_IN_PLACE = 999


@dataclass(frozen=True)
class Site:
    """Where the graph runs, as far as the assets show it: partitions, kinds, and addresses for people."""

    months: dg.MonthlyPartitionsDefinition
    store_kind: str
    warehouse_kind: str
    store_uri: Callable[[str], str]
    table_name: Callable[[str], str]


def monthly_asset(site: Site, **attributes: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dagster.asset` for a monthly asset of which one run materializes a whole range of months."""
    with warnings.catch_warnings():
        # The parameter is beta in 1.13 and the only way to load a history file in one run; accepted by name.
        warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
        decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
            partitions_def=site.months, backfill_policy=dg.BackfillPolicy.single_run(), owners=OWNERS, **attributes
        )
        return decorator


@contextmanager
def explained() -> Iterator[None]:
    """Show a person's error as the step's failure: cause, place and next step, and no retry.

    Raised from None, as the error already says all: with a cause, the UI shows its message twice and a second stack.
    """
    try:
        yield
    except OSError as error:
        raise _failure(
            WalmartBiError(
                f"The system refused: {error.strerror or error}.",
                place=str(error.filename or "file system"),
                next_step="check the disk and the path, then run it again; nothing is half loaded.",
            )
        ) from None
    except WalmartBiError as error:
        raise _failure(error) from None


def _failure(error: WalmartBiError) -> dg.Failure:
    metadata = {"cause": error.cause, "place": error.place, "next step": error.next_step}
    return dg.Failure(description=str(error), metadata=metadata, allow_retries=False)


def today() -> dt.date:
    """The load's date, in UTC; the only place where an asset asks the clock for a day."""
    return dt.datetime.now(dt.UTC).date()


def tag_run(context: dg.AssetExecutionContext, months: Sequence[str], files: Sequence[str]) -> None:
    """Put months and files on the run, so that the Runs page shows them however the run was started."""
    span = months[0] if len(months) == 1 else f"{months[0]}..{months[-1]}"
    names = sorted(set(files))
    file = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    context.instance.add_run_tags(context.run.run_id, {MONTH_TAG: span, FILE_TAG: file})


def column_lineage(upstream: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, dg.MetadataValue]:
    """Metadata that tells the lineage `{column: [(upstream asset, upstream column), ...]}`.

    Told twice: Dagster's own form is for programs, as the open-source UI does not show it; the table is for people.
    """
    lineage = dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key=asset, column_name=name) for asset, name in origins]
            for column, origins in upstream.items()
        }
    )
    told = [(column, ", ".join(f"{asset}.{name}" for asset, name in origins)) for column, origins in upstream.items()]
    return {
        "dagster/column_lineage": dg.MetadataValue.column_lineage(lineage),
        "column lineage": markdown_table(["column", "made from"], told),
    }


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A table for the UI; cell text cannot break out of its cell."""
    lines = [_line(columns), _line(["---"] * len(columns)), *(_line(row) for row in rows)]
    return dg.MetadataValue.md("\n".join(lines))


def preview_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """The first rows as a table: as many as the UI shows in place, at least one."""
    shown = list(rows)
    table = markdown_table(columns, shown)
    while len(shown) > 1 and len(table.md_str or "") > MARKDOWN_IN_PLACE:
        shown.pop()
        table = markdown_table(columns, shown)
    return table


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    """What a reader needs of the value; a fraction to six digits, as the views keep the exact one."""
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    text = escaped(text)
    return text if len(text) <= 80 else text[:79] + "\u2026"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    for character in "\\`*_<>|[]":
        text = text.replace(character, "\\" + character)
    return text
