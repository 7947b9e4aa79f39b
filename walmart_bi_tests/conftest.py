"""What holds for the whole test session: servers that tests started are stopped while the session still runs."""

import sys


def pytest_sessionfinish() -> None:
    standin = sys.modules.get("walmart_bi_tests.redshift_standin.standin")
    if standin is not None:
        standin.stop_shared()
