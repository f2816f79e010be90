"""What the rows of Django's database say of the one package that these tests bring: each thing once, or never."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from packages_app.models import HeldCandidate, Notice, Package, Publication
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.publication.held_candidates import approve
from tests.faults.world import NEW, OLD, World, seen, settle

HELD = ("candidate_held",)
NAMED = "tool 1.1 amd64"


def brought() -> tuple[Counter[str], Counter[str]]:
    """How often each package was said to have come, by rows and by notices."""
    rows = Counter(name for row in Publication.objects.all() for name in row.added if name == NAMED)
    notices = Notice.objects.filter(kind="new_version").values_list("text", "times")
    return rows, Counter(name for text, times in notices for name in [NAMED] * times if NAMED in text)


def open_errors() -> list[Any]:
    """Return kind and text of each error that nothing has settled."""
    return list(Notice.objects.filter(settled=None, level="error").values_list("kind", "text"))


def mirrored() -> set[tuple[str, str]]:
    """Return the versions that the admin shows in a suite."""
    return {(row.package_name, row.version) for row in Package.objects.filter(memberships__isnull=False)}


def states() -> list[str]:
    """Return the states of the candidates that were held back."""
    return sorted(HeldCandidate.objects.values_list("state", flat=True))


def hold(world: World, deb: Path) -> HeldCandidate:
    """Take in a package that a person must approve; return the candidate that is held back for it."""
    stage_upload(deb, deb.name, wake_worker=False)
    world.stack.run_jobs()
    return HeldCandidate.objects.get()


def approved_and_published(world: World, user: User) -> None:
    """See that what was held back is published once it is approved, and that each row tells of it once."""
    for held in HeldCandidate.objects.filter(state="waiting"):  # who approved it was told that it failed
        approve(held, user)
        settle(world, failed=HELD)
    assert seen(world) == mirrored() == {OLD, NEW}
    assert brought() == ({NAMED: 1}, {NAMED: 1})
    assert (states(), open_errors()) == (["published"], [])
