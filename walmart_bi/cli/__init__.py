"""The `walmart-bi` command. `main.py` has its arguments and exit codes, each other module one thing that it does."""

from walmart_bi.cli.main import main

__all__ = ["main"]
