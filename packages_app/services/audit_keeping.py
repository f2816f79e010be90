"""How long lines of the audit trail stay, and their copies in a store that nobody changes (AUDIT_EXPORT_URL)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from packages_app.core.errors import ObjectExists
from packages_app.core.ports import ObjectStore
from packages_app.models import AuditCut, AuditEntry, AuditName
from packages_app.models.audit_guards import YOUNGEST_CUT_DAYS
from packages_app.services import adapters
from packages_app.services.audit.check import TrailBroken
from packages_app.services.audit.export import Format, exported
from packages_app.services.audit.seal import head, seal, take_turn
from packages_app.services.audit.write import write
from packages_app.stores.open_store import open_store

_FOLDER = "audit/"
_KEY = re.compile(r"audit/(\d{12})-(\d{12})-([0-9a-f]{64})\.jsonl\Z", re.ASCII)
_AN_OBJECT = 10_000
"""Lines of one object: some megabytes."""


def keep_trail(now: datetime | None = None) -> dict[str, int]:
    """Export what was not yet, then let go what is older than AUDIT_KEPT_DAYS; return how many lines, by which."""
    seal()
    return {"audit_exported": export_trail(), "audit_let_go": let_go(now or adapters.now())}


def export_trail() -> int:
    """Write the lines that no object of the export has; return how many; 0 where nothing is exported.

    An object is written once, and under a name that tells its first and last line and that one's digest.
    """
    store, done = _export_store(), 0
    while store is not None:
        after, _ = exported_up_to(store)
        lines = list(AuditEntry.of_all_archives.filter(number__gt=after).order_by("number")[:_AN_OBJECT])
        if not lines:
            break
        key = f"{_FOLDER}{lines[0].number:012d}-{lines[-1].number:012d}-{lines[-1].digest}.jsonl"
        try:
            store.put(key, "".join(exported(lines, Format.JSONL)).encode(), if_none_match=True)
        except ObjectExists:  # another process was as fast
            break
        done += len(lines)
    return done


def exported_up_to(store: ObjectStore) -> tuple[int, str]:
    """Return number and digest of the last line that the export has; 0 and "" where it is empty."""
    names = [named for key, _ in store.keys(_FOLDER) if (named := _KEY.match(key))]
    last = max(names, key=lambda named: int(named[2]), default=None)
    return (int(last[2]), last[3]) if last is not None else (0, "")


def check_export() -> str:
    """Return what the export has, "" where nothing is exported; raise `TrailBroken` where it knows another trail.

    So lines that were cut off at the trail's end are missed, which its chain can't tell.
    """
    store = _export_store()
    if store is None:
        return ""
    number, digest = exported_up_to(store)
    if number:
        known = AuditEntry.of_all_archives.filter(number=number).values_list("digest", flat=True).first()
        cut = AuditCut.objects.filter(upto__gte=number).exists()
        if known != digest and not (known is None and cut):
            raise TrailBroken(
                f"The export ends with line {number} and digest {digest}; the database has"
                f" {known or f'lines to {head()[0]} alone'}.",
                remedy="The database was restored from a backup, or somebody has changed it. The export has what was.",
            )
    return f"exported up to line {number}"


def let_go(now: datetime) -> int:
    """Remove lines older than AUDIT_KEPT_DAYS, from the first on, and none that is still to be exported.

    What is cut has a line of its own, and where the chain goes on is kept.
    """
    days = max(settings.AUDIT_KEPT_DAYS, YOUNGEST_CUT_DAYS)
    young = AuditEntry.of_all_archives.exclude(number=None).filter(happened__gte=now - timedelta(days=days))
    store = _export_store()
    exported_to = exported_up_to(store)[0] if store is not None else None
    with transaction.atomic():
        take_turn()
        first = young.order_by("number").values_list("number", flat=True).first()
        upto = (first or head()[0] + 1) - 1
        upto = upto if exported_to is None else min(upto, exported_to)
        last = AuditEntry.of_all_archives.filter(number__lte=upto).order_by("-number").first()
        if last is None or last.number is None:
            return 0
        AuditCut.objects.create(upto=last.number, digest=last.digest)
        going = AuditEntry.of_all_archives.filter(number__lte=last.number)
        count = going.count()
        AuditName.objects.filter(entry__in=going).delete()
        going.delete()
        write("audit.cut", subject=f"up to line {last.number}", after={"lines": count, "digest": last.digest})
    return count


def _export_store() -> ObjectStore | None:
    return open_store(settings.AUDIT_EXPORT, private=True) if settings.AUDIT_EXPORT else None
