"""Uploads by dput: files wait in staging, and the `.changes` that lists them makes one push of them.

A file waits at `uploads/dput-TOKEN/SUITE/NAME`. What no .changes completes is forgotten after some hours, when more
comes, or else with other leftovers of staging.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import structlog
from django.conf import settings

from packages_app.core.checksums import checksums_of_file
from packages_app.core.errors import PackageRefused, RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.debian.changes import ListedFile, listed_files, refuse_source
from packages_app.services import adapters
from packages_app.services.access.uploader_keys import signed_text
from packages_app.services.deliveries.delivered import TooManyFiles
from packages_app.services.intake.uploads import check_filename
from packages_app.services.pushes.push import AS_DEFINED, Pushed, place_at, push
from packages_app.services.rights.asker import Asker
from packages_app.signing.unproven import claims_of, unproven_text

REQUIRED, ACCEPTED = "required", "accepted"
"""What DPUT_SIGNATURES says of a .changes: it must be signed, or is looked at where it is."""
CHANGES, BUILD_INFO = ".changes", ".buildinfo"
LARGEST_CHANGES = 1024 * 1024
_KEPT = timedelta(hours=6)
_MOST_WAITING = 200
_LIMITS_OF_BYTES = 10

log = structlog.get_logger(__name__)


class FileMissing(PackageRefused):
    """A .changes lists a file that was not sent."""

    code = "changes_file_missing"


class FileDiffers(PackageRefused):
    """A file that was sent is not the one that a .changes lists: its size or its SHA256 is another."""

    code = "changes_file_differs"


def keep_waiting(path: Path, name: str, suite: str, token: int) -> None:
    """Keep a file until its .changes comes; of what describes a build nothing is kept.

    Raise `SourceRefused`, `PackageRefused` for a name that is no package's, `TooManyFiles`, and what the store raises.
    """
    if name.endswith(BUILD_INFO):
        return
    refuse_source(name)
    check_filename(name)
    folder = _folder(suite, token)
    _require_room(folder, path.stat().st_size)
    adapters.staging().put(folder + name, path)


def complete(changes: Path, suite: str, token: int, user: Asker) -> Pushed:
    """Push all packages that a .changes lists; those that were sent for it wait no longer, also where they are refused.

    Where the .changes itself is, they wait on.

    Raise `ChangesRefused`, `ChangesUnsigned`, `ChangesSignatureBad`, `SourceRefused`, `FileMissing`, `FileDiffers`, and
    as `push`: nothing is taken in then.
    """
    if changes.stat().st_size > LARGEST_CHANGES:
        raise PackageRefused(f"The .changes is larger than {LARGEST_CHANGES} bytes.", remedy="Send fewer packages.")
    listed = listed_files(_text_of(changes.read_bytes()))
    packages = [file for file in listed if not file.name.endswith(BUILD_INFO)]
    folder = _folder(suite, token)
    keys = [folder + file.name for file in packages]
    try:
        with ExitStack() as opened:
            files = [(_checked(folder, file, opened), file.name) for file in packages]
            pushed = push(files, place_at(suite), user)
    except RepomgrError as error:
        if error.outcome is Outcome.REFUSED:
            _forget(keys)
        raise
    _forget(keys)
    return pushed


def _text_of(changes: bytes) -> bytes:
    if settings.DPUT_SIGNATURES == ACCEPTED and not claims_of(changes):
        return unproven_text(changes) or b""
    text, key = signed_text(changes)
    log.info("changes_signed", fingerprint=key.fingerprint, user=key.user_id)
    return text


def _checked(folder: str, file: ListedFile, opened: ExitStack) -> Path:
    check_filename(file.name)
    if adapters.staging().head(folder + file.name) is None:
        raise FileMissing(f"{file.name} was not sent.", remedy="Send all files again, and the .changes last: dput -f.")
    path = opened.enter_context(adapters.staging().as_local_file(folder + file.name))
    came = checksums_of_file(path)
    if (came.size, came.sha256) != (file.size, file.sha256):
        raise FileDiffers(
            f"{file.name} came with {came.size} bytes, SHA256 {came.sha256}; the .changes lists {file.size} bytes,"
            f" {file.sha256}.",
            remedy="Build and sign again, and send all files: dput -f.",
        )
    return path


def _require_room(folder: str, size: int) -> None:
    staging, since = adapters.staging(), adapters.now() - _KEPT
    sizes = {}
    for key, waiting in [*staging.keys(folder)]:
        info = staging.head(key)
        if info is not None and info.modified < since:
            staging.delete(key)
        else:
            sizes[key] = waiting
    if len(sizes) >= _MOST_WAITING or sum(sizes.values()) + size > _LIMITS_OF_BYTES * settings.UPLOAD_LIMIT_BYTES:
        raise TooManyFiles(
            f"{len(sizes)} files, {sum(sizes.values())} bytes, wait for a .changes already.",
            remedy="Send it; what it does not complete is forgotten after some hours.",
        )


def _forget(keys: list[str]) -> None:
    for key in keys:
        adapters.staging().delete(key)


def _folder(suite: str, token: int) -> str:
    if suite != AS_DEFINED and all(suite != one.name for one in adapters.repository().suites):
        raise PackageRefused(
            f"There is no suite {suite[:64]!r}.", remedy=f"See those there are; {AS_DEFINED} is its own."
        )
    return f"uploads/dput-{token}/{suite}/"
