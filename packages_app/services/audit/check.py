"""Looking at the trail: whether its chain holds, whether its triggers are there, and what waits."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import Error, connection, transaction

from packages_app.core.errors import RepomgrError
from packages_app.models import AuditEntry
from packages_app.models.audit_guards import guards_missing
from packages_app.services.audit.aside import taken_back
from packages_app.services.audit.seal import beginning, seal
from packages_app.services.audit.write import insert

_AT_ONCE = 2000


class TrailBroken(RepomgrError):
    """The audit trail is not what was written: a line was changed or is gone, or its triggers are."""

    code = "audit_trail_broken"


@dataclass(frozen=True)
class Checked:
    """What was looked at: lines, and number and digest of the last; how many were taken back from the home's file."""

    lines: int
    number: int
    digest: str
    taken_back: int


def check_trail() -> Checked:
    """Take back what waits, seal it, and follow the chain from its beginning; raise `TrailBroken` where it breaks.

    What it costs is the number of lines that are kept.
    """
    back = take_back()
    seal()
    if missing := guards_missing(connection):
        raise TrailBroken(
            f"The database lacks {', '.join(missing)}: lines could be changed.",
            remedy="Find out who removed them. manage.py audit guard makes them anew.",
        )
    begins = beginning()
    while True:
        try:
            lines, number, digest = _followed(*begins)
            return Checked(lines, number, digest, back)
        except TrailBroken:
            before, begins = begins, beginning()
            if begins == before:
                raise  # else old lines were let go meanwhile, and what begins now is to be followed


def _followed(number: int, digest: str) -> tuple[int, int, str]:
    """Return how many lines follow, and number and digest of the last; raise `TrailBroken` where one does not."""
    lines = 0
    for line in AuditEntry.of_all_archives.exclude(number=None).order_by("number").iterator(_AT_ONCE):
        lines, number = lines + 1, number + 1
        if (line.number, line.previous, line.digest) != (number, digest, line.digest_after(digest, number)):
            raise TrailBroken(
                f"Line {number} of the audit trail ({line.happened:%Y-%m-%d %H:%M:%S} {line}) is not what was written,"
                " or one before it is gone.",
                remedy="Compare with an export or a backup: who has the right to write this database?",
            )
        digest = line.digest
    return lines, number, digest


def take_back() -> int:
    """Write the lines that wait in the home's file into the trail; return how many. Raise what the database raises."""
    with taken_back() as lines:
        taken = [line for line in lines if not _is_there(line)]
        with transaction.atomic():
            for line in taken:
                insert(line)
    return len(taken)


def take_back_soon() -> None:
    """Do so, where the database takes them by now."""
    try:
        take_back()
    except Error:
        connection.close_if_unusable_or_obsolete()


def _is_there(line: AuditEntry) -> bool:
    same = AuditEntry.of_all_archives.filter(happened=line.happened, deed=line.deed, what=line.what)
    return same.exists()
