"""The `walmart-bi` command: arguments, dispatch and exit codes. What a command does is in the modules beside it.

Exit codes: 0 done, 1 refused or failed with one line that says why and what to do, 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from walmart_bi import __version__
from walmart_bi.errors import WalmartBiError
from walmart_bi.months import is_month

FAILED = 1
WRONG_ARGUMENTS = 2
OS_ERROR_STEP = "Next step: check that disk and path, then give the command again; nothing half loaded."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given:
        parser.print_help(sys.stderr)
        return WRONG_ARGUMENTS
    options = parser.parse_args(given)
    try:
        return int(options.command(options))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read the output has seen enough
        return FAILED
    except WalmartBiError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"error: {error.filename or 'file system'}: {error.strerror or error}. {OS_ERROR_STEP}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("stopped; nothing half loaded: run the same command again", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="walmart-bi", description="Raw sales files to trusted KPIs, on the project's Dagster instance."
    )
    parser.add_argument("--version", action="version", version=f"walmart-bi {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    load = commands.add_parser("load", help="deliver files and load their months through the whole graph")
    load.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="CSV (also .gz) or Parquet, named by its months"
    )
    load.add_argument(
        "--allow-shrink", action="store_true", help="load a month even with less than half of its loaded rows"
    )
    load.set_defaults(command=_load)

    status = commands.add_parser("status", help="months loaded, from which file, rows, quarantine, checks")
    status.set_defaults(command=_status)

    doctor = commands.add_parser("doctor", help="what is configured, what can be reached, what to do about the rest")
    doctor.set_defaults(command=_doctor)

    story = commands.add_parser("open", help="open the story page in the browser")
    story.set_defaults(command=_open)

    history = commands.add_parser("history", help="all loads of a month")
    history.add_argument("month", type=_month, metavar="MONTH")
    history.set_defaults(command=_history)

    rollback = commands.add_parser("rollback", help="make an earlier load of a month active again")
    rollback.add_argument("month", type=_month, metavar="MONTH")
    rollback.add_argument("load_id", metavar="LOAD")
    rollback.set_defaults(command=_rollback)

    sample = commands.add_parser("sample", help="make data of the real shape")
    sample.add_argument("--rows", type=_positive, default=50_000, help="records to make (default: 50000)")
    sample.add_argument("--months", nargs=2, type=_month, metavar=("FIRST", "LAST"), help="default: 2024-02 2025-02")
    sample.add_argument("--output", type=Path, help="file to write (default: named by its months, here)")
    sample.add_argument("--seed", type=int, default=7, help="another number gives other data (default: 7)")
    sample.set_defaults(command=_sample)
    return parser


def _month(text: str) -> str:
    if not is_month(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a month such as 2025-03")
    return text


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of rows")
    return int(text)


def _load(options: argparse.Namespace) -> int:
    from walmart_bi.cli.load import load_files

    return load_files(options.files, allow_shrink=options.allow_shrink)


def _status(_: argparse.Namespace) -> int:
    from walmart_bi.cli.report import print_status

    return print_status()


def _doctor(_: argparse.Namespace) -> int:
    from walmart_bi.cli.doctor import run_doctor

    return run_doctor()


def _open(_: argparse.Namespace) -> int:
    from walmart_bi.cli.open import open_story

    return open_story()


def _history(options: argparse.Namespace) -> int:
    from walmart_bi.cli.report import print_history

    return print_history(options.month)


def _rollback(options: argparse.Namespace) -> int:
    from walmart_bi.cli.load import restore

    return restore(options.month, options.load_id)


def _sample(options: argparse.Namespace) -> int:
    from walmart_bi.cli.sample import make_sample

    return make_sample(options.rows, options.months, options.output, options.seed)
