"""Holding a publisher's lease for as long as a publication takes."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from packages_app.core.ports import PackageTable

LEASE_SECONDS = 120.0

log = structlog.get_logger(__name__)


@contextmanager
def lease_held(table: PackageTable, name: str, *, seconds: float = LEASE_SECONDS) -> Iterator[Callable[[], None]]:
    """Hold a lease for the block; raises `LeaseBusy` when another has it.

    Gives a function to call between steps: it renews the lease when a third of its time is gone, and raises
    `LeaseLost` when another publisher has taken it.
    """
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    lease = table.take_lease(name, holder, seconds)
    renewed = time.monotonic()

    def hold() -> None:
        nonlocal lease, renewed
        if time.monotonic() - renewed > seconds / 3:
            lease = table.renew_lease(lease, seconds)
            renewed = time.monotonic()

    log.info("lease_taken", lease=name, holder=holder, fence=lease.fence)
    try:
        yield hold
    finally:
        table.release_lease(lease)
