"""The sessions of one warehouse, used again while they are fresh: a login takes longer than most of its statements.

One month through the graph asks the warehouse some thirty times, within seconds. Which statements are run, and what
their errors mean, is none of this module's business.
"""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Iterator

from walmart_bi.warehouse.base import WarehouseError
from walmart_bi.warehouse.redshift_connection import Session, open_session
from walmart_bi.warehouse.redshift_settings import RedshiftSettings

# Far below the time after which networks forget a silent connection, so that asking an idle one cannot hang.
_FRESH_SECONDS = 60.0


class Sessions:
    """Hands out sessions in the settings' schema, each to one user at a time."""

    def __init__(self, settings: RedshiftSettings) -> None:
        self._settings = settings
        self._idle: list[tuple[Session, float]] = []
        weakref.finalize(self, _close_all, self._idle)

    @contextlib.contextmanager
    def session(self, *, again: bool = True) -> Iterator[Session]:
        """A session with no open transaction. Waits for a paused workgroup. Raises WarehouseError.

        It is kept for the next user, unless the block raised, or leaves behind what the next must not find: then
        `again` is False.
        """
        session = self._fresh() or open_session(self._settings)
        try:
            yield session
        except BaseException:
            session.close()
            raise
        if again and session.is_clean:
            self._idle.append((session, time.monotonic()))
        else:
            session.close()

    def _fresh(self) -> Session | None:
        """An idle session that still answers."""
        while self._idle:
            session, since = self._idle.pop()
            if time.monotonic() - since < _FRESH_SECONDS:
                with contextlib.suppress(WarehouseError):  # ended meanwhile, which is nobody's concern
                    session.limit(self._settings.statement_timeout)
                    return session
            session.close()
        return None


def _close_all(idle: list[tuple[Session, float]]) -> None:
    while idle:
        idle.pop()[0].close()
