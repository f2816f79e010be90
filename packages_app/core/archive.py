"""An archive: one repository of an installation, with a table, stores, a key and addresses of its own.

What is asked and done is asked and done in one archive. Commands, requests and jobs enter it, and the threads that they
start are in it too (`core/threads.py`). Where an installation has one alone, nobody needs to enter it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from packages_app.core.errors import RepomgrError
from packages_app.core.locations import StoreLocation, TableLocation
from packages_app.core.outcome import Outcome

DEFAULT = "default"
"""The archive that the environment's own settings make."""
LONGEST_SLUG = 32
SLUG = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""What an archive is called in addresses, options and rows."""


class UnknownArchive(RepomgrError):
    """There is no archive of this name in the installation."""

    code = "unknown_archive"
    outcome = Outcome.REFUSED


class ArchiveNotNamed(RepomgrError):
    """The installation has several archives, and nobody said in which of them this is to be done."""

    code = "archive_not_named"
    outcome = Outcome.REFUSED


@dataclass(frozen=True)
class Archive:
    """What an archive has of its own.

    `home` is the folder with what it keeps on this machine. `signing_key` is "" where that has the key, as
    `signing_key_file`; `embedded` says that the bucket is a folder of this machine. `admin_url` is "" where nobody has
    said where the admin is, `staging_upload_url` where browsers send nothing to the staging store themselves.
    """

    slug: str
    home: Path
    config_dir: Path
    own_config_dir: Path
    table: TableLocation
    bucket: StoreLocation
    staging: StoreLocation
    embedded: bool
    public_url: str
    public_url_given: bool
    signing_key: str = field(repr=False)
    signing_certificate: str
    signing_key_file: Path
    admin_url: str
    staging_upload_url: str


_entered: ContextVar[str] = ContextVar("archive", default="")


def entered_slug() -> str:
    """Return the slug of the archive that was entered here; "" where none was."""
    return _entered.get()


def present_slug(known: Collection[str]) -> str:
    """Return the slug of the archive that was entered here, or of the only one; raise `ArchiveNotNamed`.

    That one of several is called `default` makes no difference: work that lost its archive must not go on in another.
    """
    if slug := _entered.get():
        return slug
    if len(known) == 1:
        return next(iter(known))
    raise ArchiveNotNamed(f"There are several archives: {', '.join(known)}.", remedy="Name one: --archive SLUG.")


def slug_meant(named: str, known: Collection[str]) -> str:
    """Return the slug that a person means who named this one, or none (""): `default` then, or the only one.

    Raise `UnknownArchive` and `ArchiveNotNamed`, which name those that are known.
    """
    if named and named not in known:
        raise UnknownArchive(f"There is no archive {named!r}.", remedy=f"Name one of: {', '.join(known)}.")
    return named or (DEFAULT if DEFAULT in known else present_slug(known))


@contextmanager
def within(slug: str) -> Iterator[None]:
    """Let the block be in an archive, which has to be known."""
    token = _entered.set(slug)
    try:
        yield
    finally:
        _entered.reset(token)
