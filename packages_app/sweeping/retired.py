"""What is left of suites that are configured no more: the proof that it is ours, and what may go of it.

The first sweep that finds a suite retired leaves a mark in staging: from then on the days count that are kept. It says
how the suite's Release read, so that what a sweep that was cut off has left is known as ours without one, and that
nothing goes where somebody has published there since.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import ObjectNotFound
from packages_app.core.layout import is_patch, suite_path
from packages_app.core.ports import ObjectStore
from packages_app.core.snapshot import MARK, snapshots_folder
from packages_app.indexes.release import Release, parse_date
from packages_app.publishing.generations import generations, release_digest
from packages_app.publishing.kept_contents import kept_contents
from packages_app.publishing.published import Published, read_published
from packages_app.publishing.shard_list import shard_lists_of
from packages_app.publishing.snapshots import FORMS, IN_RELEASE
from packages_app.signing.unproven import unproven_text
from packages_app.sweeping.sweep import History, Leftover, Sweep, is_by_hash

_MARKS = "retired/"
_NAMED = 3


@dataclass(frozen=True)
class Mark:
    """That a suite was found retired, and ours, at `since`, by the store's clock.

    `forms` are the SHA256 of its InRelease, Release and Release.gpg, of those that were there; clients refuse them
    from `until` on, None where they never do.
    """

    forms: Mapping[str, str]
    until: datetime | None
    since: datetime


@dataclass(frozen=True)
class RetiredSuite:
    """A suite that is configured no more: `objects` are the sizes of what its folder has beside snapshots, by key.

    `ours` says that what stands there is a publication of ours, or what a sweep has left of one. `mark` is None where
    no sweep has found just that before.
    """

    suite: str
    objects: Mapping[str, int]
    forms: Mapping[str, str]
    ours: bool
    until: datetime | None = None
    mark: Mark | None = None


@dataclass(frozen=True)
class RetiredPlan:
    """What may go of a retired suite: `objects` of the bucket, then `releases` of staging, in the order given.

    `waits` says why all of it stays for the time being, `kept_back` what is left alone for good: "" where nothing.
    """

    suite: str
    objects: tuple[Leftover, ...] = ()
    releases: tuple[Leftover, ...] = ()
    waits: str = ""
    kept_back: str = ""
    takes_release: bool = False
    """Whether clients find no Release there once this is done."""


def folders_of_suites(bucket: ObjectStore) -> set[str]:
    """Return the names of the folders below dists/ that have more than snapshots."""
    found = (key.split("/", 2)[1:] for key, _ in bucket.keys("dists/"))
    return {each[0] for each in found if len(each) > 1 and not each[1].startswith(f"{MARK}/")}


def marked_suites(staging: ObjectStore) -> set[str]:
    """Return the suites that a sweep has found retired."""
    return {key.removeprefix(_MARKS) for key, _ in staging.keys(_MARKS)}


def forget_retired(staging: ObjectStore, suite: str) -> None:
    """Remove the mark of a suite that is configured again."""
    staging.delete(f"{_MARKS}{suite}")


def look_at_retired(sweep: Sweep, suite: str, given: Callable[[], Container[str]]) -> RetiredSuite:
    """Look at a suite that is configured no more.

    It is ours where a mark says so and no other Release stands there since. Without a mark it is where `given`, the
    suites that the table knows to have been published, has it, and a key of ours has signed what stands there, or
    staging kept it.
    """
    of_snapshots = suite_path(snapshots_folder(suite))
    objects = {key: size for key, size in sweep.bucket.keys(suite_path(suite)) if not key.startswith(of_snapshots)}
    bodies = {name: _read(sweep.bucket, suite_path(suite, name)) for name in FORMS}
    forms = {name: checksums_of_bytes(body).sha256 for name, body in bodies.items() if body}
    mark = _read_mark(sweep.staging, suite)
    if mark is not None and forms.items() <= mark.forms.items():
        return RetiredSuite(suite, objects, forms, ours=True, until=mark.until, mark=mark)
    published = read_published(sweep.bucket, suite, sweep.keyring)
    ours = suite in given() and _is_ours(sweep, suite, published)
    return RetiredSuite(suite, objects, forms, ours, _until(published.seen))


def leave_mark(staging: ObjectStore, retired: RetiredSuite) -> None:
    """Leave a mark, from whose date on the days count."""
    until = retired.until.isoformat() if retired.until is not None else ""
    staging.put(f"{_MARKS}{retired.suite}", json.dumps({"forms": dict(retired.forms), "until": until}).encode())


def plan_retired(sweep: Sweep, retired: RetiredSuite, history: History) -> RetiredPlan:
    """Plan what goes of a retired suite: nothing that clients still take, or that has not stood for long enough.

    Copies of publications go first, then InRelease, Release and Release.gpg: from each on clients find a Release with
    all its indexes, or none. Then the indexes, then what staging kept of it, and in the end the mark.
    """
    suite = retired.suite
    if not retired.ours:
        why = "it is not configured, and what stands in its folder is none of our publications: remove it by hand"
        return RetiredPlan(suite, kept_back=why)
    if why := _why_it_waits(sweep, retired):
        return RetiredPlan(suite, waits=why)
    forms = [key for name in FORMS if (key := suite_path(suite, name)) in retired.objects]
    own = {key for key in retired.objects if is_of_publications(suite, key)}
    indexes = sorted(own - set(forms), key=lambda key: (is_by_hash(key), key))
    parts = [Leftover(key, retired.objects[key]) for key in (*forms, *indexes)]
    objects = (*sweep.left_of_snapshots(suite, ()), *sweep.old(sweep.bucket, parts))
    kept = (*sweep.old(sweep.staging, _kept_of(sweep.staging, suite)), *sweep.plan_contents(suite, history))
    if not retired.objects and not kept and not kept_contents(sweep.staging, suite):
        kept = (Leftover(f"{_MARKS}{suite}", 0),)  # nothing is left that it is needed for
    said = _said_of([key for key in retired.objects if key not in own])
    return RetiredPlan(suite, objects, kept, kept_back=said, takes_release=True)


def _why_it_waits(sweep: Sweep, retired: RetiredSuite) -> str:
    """Return why nothing goes yet, or ""."""
    mark, age = retired.mark, sweep.keeping.age
    after = (mark.since if mark is not None else sweep.now) + age
    if retired.until is not None:
        after = max(after, retired.until)
    if mark is None or after >= sweep.now:
        return f"it is retired, and what it showed last stays until {after:%Y-%m-%d %H:%M} UTC"
    forms = [Leftover(suite_path(retired.suite, name), 0) for name in retired.forms]
    if len([*sweep.old(sweep.bucket, forms)]) < len(forms):
        return "it is retired, and its Release was written anew within the days that are kept"
    return ""


def _said_of(strangers: list[str]) -> str:
    if not strangers:
        return ""
    more = ", …" if len(strangers) > _NAMED else ""
    return (
        f"{len(strangers)} objects in its folder are none that a publication leaves: {', '.join(strangers[:_NAMED])}"
        f"{more}; verify_repository --repair sets them aside"
    )


def is_of_publications(suite: str, key: str) -> bool:
    """Return whether a publication of ours may have written this key of a suite, whatever the suite was then."""
    folder, _, file = key.removeprefix(suite_path(suite)).rpartition("/")
    if not folder:
        return file in FORMS
    last = folder.rpartition("/")[2]
    if last.startswith("binary-"):
        return file.partition(".")[0] == "Packages"
    return is_by_hash(key) or is_patch(key) or (last, file) == ("Packages.diff", "Index")


def _is_ours(sweep: Sweep, suite: str, published: Published) -> bool:
    if published.release is not None or published.nothing_is_there:
        return True
    if published.etag is None:
        text = _read(sweep.bucket, suite_path(suite, "Release"))
    else:
        text = unproven_text(_read(sweep.bucket, suite_path(suite, IN_RELEASE))) or b""
    return release_digest(text) in {one.sha256 for one in generations(sweep.staging, suite)}


def _kept_of(staging: ObjectStore, suite: str) -> Iterator[Leftover]:
    """Return the Releases that staging kept of a suite, and the lists of their shards."""
    yield from (Leftover(one.key, one.size) for one in generations(staging, suite))
    yield from (Leftover(*each) for each in staging.keys(shard_lists_of(suite)))


def _until(release: Release | None) -> datetime | None:
    try:
        return parse_date(release.fields["Valid-Until"]) if release is not None else None
    except (KeyError, ValueError):
        return None


def _read(store: ObjectStore, key: str) -> bytes:
    try:
        return store.read(key)
    except ObjectNotFound:
        return b""


def _read_mark(staging: ObjectStore, suite: str) -> Mark | None:
    """Return a suite's mark; None where there is none that can be read, as if no sweep had been."""
    key = f"{_MARKS}{suite}"
    try:
        said, info = json.loads(staging.read(key)), staging.head(key)
        until = datetime.fromisoformat(said["until"]) if said["until"] else None
        return Mark(dict(said["forms"]), until, info.modified) if info is not None else None
    except (ObjectNotFound, ValueError, KeyError, TypeError):
        return None
