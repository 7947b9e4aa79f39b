"""What the doctor asks of the cluster that cleans the parts of large files: a worker answers, and reaches the store."""

from __future__ import annotations

from functools import partial

from walmart_bi.cli.doctor.probes import NotInOrder
from walmart_bi.dask_cluster import open_dask_cluster
from walmart_bi.sales.contract import CONTRACT_VERSION
from walmart_bi.stores.base import STAGING, ObjectStore


def probe_cluster(address: str, store: ObjectStore) -> str:
    """A worker lists the store and cleans to this version of the contract; for `local` some are started for it."""
    with open_dask_cluster(address) as cluster:
        (found,) = cluster.map(partial(version_of_worker, store), [STAGING])
    if found != CONTRACT_VERSION:
        raise NotInOrder(
            f"A worker cleans to version {found} of the contract, this process to {CONTRACT_VERSION}.",
            place=address,
            next_step="install the same version of walmart_bi on every worker.",
        )
    return f"{address}: a worker lists the store, and cleans to version {found} of the contract"


def version_of_worker(store: ObjectStore, prefix: str) -> str:
    """Asked of a worker: whether the store can be listed, and the contract that it has."""
    next(iter(store.list(prefix)), None)
    return CONTRACT_VERSION
