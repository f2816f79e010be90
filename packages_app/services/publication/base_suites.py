"""The Packages files of base suites: fetched and verified as any repository of others, kept in the home by SHA256."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import structlog

from packages_app.adoption.existing_repository import open_repository
from packages_app.adoption.index import fetch_index, indexes_of
from packages_app.adoption.release import ExistingRelease, read_release
from packages_app.core.errors import RepomgrError
from packages_app.core.layout import ALL
from packages_app.core.repository import Base, Installability, Suite
from packages_app.debian.debcheck import MOST_SECONDS, SolverFailed
from packages_app.debian.universe import keep_relations
from packages_app.publishing.installability import InstallCheck
from packages_app.services import adapters
from packages_app.services.archives import present_archive

FOLDER = "base-suites"
FRESH = timedelta(hours=6)
"""So long what a base suite said is not asked for again."""
_KEPT = timedelta(days=7)
"""So long a file stays that no base suite lists any more: another process may read it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Known:
    """What a base suite said: when it was asked, and the files of its indexes by architecture."""

    asked: str
    files: dict[str, list[str]]


def install_check(
    suite: Suite,
    keep_lease: Callable[[], None] = lambda: None,
    *,
    seconds: float = MOST_SECONDS,
    fetch: bool = True,
    told: frozenset[str] = frozenset(),
) -> InstallCheck | None:
    """Return what looks for packages of a suite that can't be installed any more; None where it is off.

    The solver is given so many seconds for an architecture. Without `fetch` base suites are as they were last fetched.
    `told` are packages that are asked about again.
    """
    if suite.installability is Installability.OFF:
        return None
    return InstallCheck(suite.installability, partial(base_files, fetch=fetch), keep_lease, seconds, told)


def refresh_bases(suite: Suite) -> None:
    """Fetch what has changed of the base suites; one that can't be fetched now is told when it is asked for."""
    for architecture in suite.architectures if suite.installability is not Installability.OFF else ():
        try:
            base_files(architecture)
        except SolverFailed as error:
            log.warning("base_suite_unavailable", architecture=architecture, error=str(error))
            return


def base_files(architecture: str, *, fetch: bool = True) -> list[Path]:
    """Return the Packages files of all base suites for an architecture; raise `SolverFailed` that names one.

    Without `fetch` those that are there, however old.
    """
    found: list[Path] = []
    for base in adapters.repository().bases:
        try:
            found += _files_of(base, architecture, fetch=fetch)
        except (RepomgrError, OSError) as error:
            raise SolverFailed(
                f"The base suite {base} is not there: {error.message if isinstance(error, RepomgrError) else error}",
                remedy=error.remedy if isinstance(error, RepomgrError) else "Correct bases in repository.yaml.",
            ) from error
    return found


def _files_of(base: Base, architecture: str, *, fetch: bool) -> list[Path]:
    folder = present_archive().home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    note, now = folder / f"{_digest(base)}.json", adapters.now()
    known = _read(note)
    fresh = known is not None and now - datetime.fromisoformat(known.asked) < FRESH
    if known is not None and (fresh or not fetch) and architecture in known.files:
        paths = [folder / name for name in known.files[architecture]]
        if all(path.exists() for path in paths):
            return paths
    if not fetch:
        raise SolverFailed("It was not fetched here yet.", remedy="Wait for the next publication, which fetches it.")
    names = _fetched(base, architecture, folder)
    files = {**(known.files if known is not None and fresh else {}), architecture: names}
    _write(note, msgspec.json.encode(_Known(known.asked if known is not None and fresh else now.isoformat(), files)))
    _remove_old(folder, now)
    return [folder / name for name in names]


def _fetched(base: Base, architecture: str, folder: Path) -> list[str]:
    """Fetch a base suite's indexes for an architecture, as far as they are not there; return their files' names."""
    repository = open_repository(base.uri, adapters.fetcher(base.uri))
    release = read_release(repository, f"dists/{base.suite}", base.signed_by.read_bytes())
    listed = indexes_of(release, base.components, _architectures(release, architecture))
    if not listed:
        raise SolverFailed(
            f"It has no index of {', '.join(base.components)} for {architecture}.", remedy="Correct its components."
        )
    names = []
    for index in listed:
        sha256 = next(entry.sha256 for _, entry in sorted(index.forms.items()))
        names.append(f"{sha256}.packages")
        if not (folder / names[-1]).exists():
            _keep(folder / names[-1], partial(fetch_index, repository, release, index))
    return names


def _architectures(release: ExistingRelease, architecture: str) -> Sequence[str]:
    """Return whose indexes have the packages for an architecture: those for all stand in it, or in one of their own."""
    apart = ALL in release.fields.get("architectures", "").split()
    return (architecture, ALL) if apart and "no-support-for-architecture-all" not in release.fields else (architecture,)


def _keep(target: Path, fetch: Callable[[Path], Path]) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        plain, kept = fetch(Path(folder)), Path(folder) / "kept"
        keep_relations(plain, kept)
        os.replace(kept, target)


def _remove_old(folder: Path, now: datetime) -> None:
    """Remove what no base suite has listed for some days."""
    listed = {name for note in folder.glob("*.json") if (known := _read(note)) for each in known.files.values()
              for name in each}  # fmt: skip
    for path in folder.glob("*.packages"):
        if path.name not in listed and now.timestamp() - path.stat().st_mtime > _KEPT.total_seconds():
            path.unlink(missing_ok=True)


def _digest(base: Base) -> str:
    said = repr((base.uri, base.suite, base.components, str(base.signed_by)))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _read(note: Path) -> _Known | None:
    try:
        return msgspec.json.decode(note.read_bytes(), type=_Known)
    except (OSError, msgspec.DecodeError):
        return None


def _write(note: Path, body: bytes) -> None:
    draft = note.with_name(f"{note.name}.{os.getpid()}")
    draft.write_bytes(body)
    os.replace(draft, note)
