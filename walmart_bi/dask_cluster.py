"""Cleaning's cluster on Dask: processes of this machine, or the workers of a scheduler. Nothing of sales belongs here.

The only module that imports Dask, which is optional (the extra `scale`), and only when a file is large
enough to be cleaned in parts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar

from walmart_bi.sales.cluster import Cluster, ClusterError

Item = TypeVar("Item")
Result = TypeVar("Result")

LOCAL = "local"
_LOOPBACK = "127.0.0.1"
_SECONDS_TO_REACH = 20
_SECONDS_FOR_A_WORKER = 120
_START_WORKERS = "start workers there (`dask worker ADDRESS --nthreads 1`), then run it again; nothing was loaded."


@contextmanager
def open_dask_cluster(address: str, *, workers: int | None = None) -> Iterator[Cluster]:
    """The cluster at a scheduler's address, or for `local` one of `workers` processes that ends with the block.

    Raises ClusterError when Dask is not installed, or nothing answers there, or nobody works there.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            f"Dask is not installed ({error.name}).",
            place="WALMART_BI_CLEANING_CLUSTER",
            next_step="pip install -e '.[scale]' in the project's directory, or unset it to clean in one process.",
        ) from None
    with ExitStack() as stack:
        try:
            target = stack.enter_context(_on_this_machine(workers)) if address == LOCAL else address
            client = stack.enter_context(Client(target, timeout=_SECONDS_TO_REACH, set_as_default=False))
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            raise ClusterError(
                f"The Dask scheduler cannot be reached ({type(error).__name__}).",
                place=address,
                next_step="check WALMART_BI_CLEANING_CLUSTER and that `dask scheduler` runs there, then run it again.",
            ) from error
        try:
            client.wait_for_workers(1, timeout=_SECONDS_FOR_A_WORKER)
        except TimeoutError as error:
            raise ClusterError("The Dask scheduler has no worker.", place=address, next_step=_START_WORKERS) from error
        except OSError as error:
            raise _lost(address, error) from error
        yield DaskCluster(client, address)


@contextmanager
def _on_this_machine(workers: int | None) -> Iterator[Any]:
    """One process for each processor, on loopback; what they say to each other is authenticated by certificates."""
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    with (
        # Dask's look at every worker's stack a hundred times a second took a tenth of the cleaning.
        dask.config.set({"distributed.worker.profile.enabled": False}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host=_LOOPBACK,
            # Without an address its HTTP server takes a port that others may have.
            dashboard_address=f"{_LOOPBACK}:0",
            scheduler_kwargs={"dashboard": False},
            security=Security.temporary(),
            protocol="tls://",
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster


class DaskCluster:
    """The workers that a client knows, as a `Cluster`."""

    def __init__(self, client: Any, place: str) -> None:
        self._client, self._place = client, place

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """The result for each item in their order; a worker that dies is replaced by another three times."""
        # Not `pure`: the same call again is to be made again, for the objects that it wrote may be gone.
        try:
            futures = self._client.map(function, items, pure=False)
        except OSError as error:
            raise _lost(self._place, error) from error
        try:
            for number in range(len(futures)):
                future, futures[number] = futures[number], None
                yield self._result(future)
                future.release()
        finally:
            # What ended the work is what the caller must see, not that the scheduler could not be told.
            with suppress(OSError):
                self._client.cancel([future for future in futures if future is not None])

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            return future.result()
        except KilledWorker as error:
            raise ClusterError(
                "A part was given up: the worker that cleaned it died, several times.",
                place=self._place,
                next_step="look into the workers' logs, most likely for memory (docs/scale.md), "
                "then run it again; nothing was loaded.",
            ) from error
        except (CancelledError, CommClosedError, TimeoutError) as error:
            raise _lost(self._place, error) from error
        except ImportError as error:
            raise ClusterError(
                f"A worker has not what the load needs ({error.name}).",
                place=self._place,
                next_step="install the same version of walmart_bi on every worker, then run it again.",
            ) from error


def _lost(place: str, error: BaseException) -> ClusterError:
    return ClusterError(
        f"The Dask scheduler was lost while it worked ({type(error).__name__}).",
        place=place,
        next_step="start it again and run the load again; nothing was loaded.",
    )
