"""Sealing: lines get their numbers, and digests that hold those before them, one sealer at a time.

It is done after the commit of what a line tells of, so that no change waits for another's. Until then a line has its
place by its row; whatever a sealer did not get to, the next one seals.
"""

from __future__ import annotations

import structlog
from django.db import Error, connection, transaction

from packages_app.core.audit import GENESIS
from packages_app.models import AuditCut, AuditEntry

_AT_ONCE = 500
_LOCK = 0x72_65_70_6F_6D_67_72  # "repomgr"

log = structlog.get_logger(__name__)


def seal_soon() -> None:
    """Seal what is not sealed yet; a database that fails at it leaves the lines to the next sealer, and a warning."""
    try:
        seal()
    except Error as error:
        connection.close_if_unusable_or_obsolete()
        log.warning("audit_unsealed", error=str(error))


def seal() -> int:
    """Seal every line that is not sealed yet, in the order of their rows; return how many."""
    sealed = 0
    while True:
        with transaction.atomic():
            take_turn()
            number, digest = head()
            lines = list(AuditEntry.of_all_archives.filter(number=None).order_by("pk")[:_AT_ONCE])
            for line in lines:
                number += 1
                previous, digest = digest, line.digest_after(digest, number)
                AuditEntry.of_all_archives.filter(pk=line.pk, number=None).update(
                    number=number, previous=previous, digest=digest
                )
        sealed += len(lines)
        if len(lines) < _AT_ONCE:
            return sealed


def take_turn() -> None:
    """Wait until no other process seals or cuts; to the end of the transaction. SQLite's writers take turns anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def head() -> tuple[int, str]:
    """Return number and digest of the last line that is sealed; of what was cut where none is left."""
    last = AuditEntry.of_all_archives.exclude(number=None).order_by("-number").values_list("number", "digest").first()
    if last is None or last[0] is None:
        return beginning()
    return last[0], last[1]


def beginning() -> tuple[int, str]:
    """Return number and digest of what stands before the first line that is kept."""
    cut = AuditCut.objects.order_by("-upto").first()
    return (cut.upto, cut.digest) if cut is not None else (0, GENESIS)
