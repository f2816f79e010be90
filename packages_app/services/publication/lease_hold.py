"""Holding a publisher's lease for as long as a publication takes."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings

from packages_app.core.errors import RepomgrError
from packages_app.core.ports import Lease, PackageTable

log = structlog.get_logger(__name__)


class HeldLease:
    """A publisher's lease while it is at work; `clock` tells seconds that only grow."""

    def __init__(self, table: PackageTable, lease: Lease, seconds: float, clock: Callable[[], float]) -> None:
        self._table, self._lease, self._seconds, self._clock = table, lease, seconds, clock
        self._renewed = clock()

    def keep_lease(self) -> None:
        """Renew the lease when a third of its time is gone; to be called between steps. Raise `LeaseLost`.

        So a step may take two thirds of its time, whatever came before.
        """
        if self._clock() - self._renewed > self._seconds / 3:
            self.confirm()

    def confirm(self) -> None:
        """Renew the lease now; raise `LeaseLost` when another publisher has taken it."""
        self._lease = self._table.renew_lease(self._lease, self._seconds)
        self._renewed = self._clock()

    def release(self) -> None:
        """Let go of it; where the table is away, it runs out by itself."""
        try:
            self._table.release_lease(self._lease)
        except RepomgrError as error:
            log.warning("lease_not_released", lease=self._lease.name, error=error.message)


@contextmanager
def lease_held(table: PackageTable, name: str, clock: Callable[[], float] = time.monotonic) -> Iterator[HeldLease]:
    """Hold a lease for the block, LEASE_SECONDS of the settings at a time; raise `LeaseBusy` when another has it."""
    seconds = float(settings.LEASE_SECONDS)
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    lease = table.take_lease(name, holder, seconds)
    log.info("lease_taken", lease=name, holder=holder, fence=lease.fence)
    held = HeldLease(table, lease, seconds, clock)
    try:
        yield held
    finally:
        held.release()
