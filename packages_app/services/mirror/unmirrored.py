"""Records that no row holds: people hear of each, until it has a row or is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.utils import timezone

from packages_app.core.storable_text import storable
from packages_app.models import Notice
from packages_app.services.notices.notify import SUBJECT_LENGTH, notify

_KIND = Notice.Kind.RECORD_NOT_MIRRORED
_MOST = 50
"""So many have a notice each; whoever runs the reconciliation sees all of them, and the log does."""


class Unmirrored:
    """What one run leaves out, told at its end; it holds no more names than it tells of."""

    def __init__(self) -> None:
        self._open = frozenset(Notice.objects.filter(kind=_KIND, settled=None).values_list("subject", flat=True))
        self._still: set[str] = set()
        self._new: dict[str, None] = {}

    def left_out(self, names: Iterable[str]) -> None:
        """Take note of records that were left out, `name version architecture` each."""
        for name in map(_subject, names):
            if name in self._open:
                self._still.add(name)
            elif len(self._open) + len(self._new) < _MOST:
                self._new[name] = None

    def tell(self, looked_at: Collection[str] | None = None) -> None:
        """Raise the notices of what was left out; settle those of the others that were looked at, all where None."""
        seen = self._open if looked_at is None else self._open.intersection(map(_subject, looked_at))
        over = seen - self._still
        if over:
            Notice.objects.filter(kind=_KIND, subject__in=over, settled=None).update(settled=timezone.now())
        for name in (*sorted(self._still), *self._new):
            notify(
                _KIND,
                name,
                f"{name} has no row in the admin: its database does not hold what the record says.",
                remedy="Clients have it all the same. Its log line, record_not_mirrored, says what does not fit: "
                "publish a version that does, or take the record out of the package table.",
            )


def _subject(name: str) -> str:
    return storable(name, SUBJECT_LENGTH)
