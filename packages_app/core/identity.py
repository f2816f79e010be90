"""A repository's own name, and what is named after it: suites, keyring, bootstrap package."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.core.repository import is_suite_name
from packages_app.core.web_address import is_plain_address

ARCHITECTURES = frozenset(
    {
        "alpha", "amd64", "amd64v3", "arm64", "armel", "armhf", "hppa", "hurd-amd64", "hurd-i386", "i386", "ia64",
        "kfreebsd-amd64", "kfreebsd-i386", "loong64", "m68k", "mips", "mips64el", "mipsel", "powerpc", "powerpcspe",
        "ppc64", "ppc64el", "riscv64", "s390x", "sh4", "sparc64", "x32",
    }
)  # fmt: skip
"""Of Debian, its ports and Ubuntu (wiki.debian.org/SupportedArchitectures): others can be written into the file."""
DEFAULT_SUITES = ("stable",)
DEFAULT_ARCHITECTURES = ("amd64", "arm64")
_LONGEST = 48
"""Characters: a bucket's name, which ends in `-apt-staging`, has 63 at most."""
_LOCAL_HOST = "localhost"


class NameRefused(RepomgrError):
    """A name of a repository makes no package or file name, or can't stand in a field of Release."""

    code = "name_refused"
    outcome = Outcome.REFUSED


class SuiteRefused(RepomgrError):
    """A suite or codename is no part of a path, or stands there twice."""

    code = "suite_refused"
    outcome = Outcome.REFUSED


class ArchitectureRefused(RepomgrError):
    """An architecture is none that Debian knows, or stands there twice."""

    code = "architecture_refused"
    outcome = Outcome.REFUSED


class AddressRefused(RepomgrError):
    """The address that clients are to use is none that a source file can hold, or the settings say another."""

    code = "address_refused"
    outcome = Outcome.REFUSED


@dataclass(frozen=True)
class Identity:
    """What a repository is called; each value is one that clients take. `url` is "" where none was given.

    `slug` is the name as package and file names have it, `codename` that of the first suite.
    """

    name: str
    origin: str
    slug: str
    suites: tuple[str, ...]
    codename: str
    architectures: tuple[str, ...]
    url: str

    @property
    def keyring(self) -> str:
        """The keyring's file name, without its ending."""
        return f"{self.slug}-archive-keyring"

    @property
    def bootstrap(self) -> str:
        """The name of the package that sets clients up."""
        return f"{self.slug}-repo"

    @property
    def maintainer(self) -> str:
        """Name and mail address of whoever maintains that package: a stand-in, at the host that clients use."""
        return f"{self.name} <packages@{(self.url and urlsplit(self.url).hostname) or _LOCAL_HOST}>"


def identity(
    name: str,
    *,
    origin: str = "",
    codename: str = "",
    suites: Sequence[str] = DEFAULT_SUITES,
    architectures: Sequence[str] = DEFAULT_ARCHITECTURES,
    url: str = "",
) -> Identity:
    """Return the identity for a name; what is not given is made of it, or is usual.

    Raise `NameRefused`, `SuiteRefused`, `ArchitectureRefused` and `AddressRefused`.
    """
    name, origin = _field("name", name), _field("origin", origin or name)
    codename = codename or (suites[0] if suites else "")
    _check_suites(suites, codename)
    _check_architectures(architectures)
    if url and not (is_plain_address(url) and _has_host(url)):
        raise AddressRefused(
            f"{url[:200]!r} is no address of a repository.",
            remedy="Write it like https://apt.example.org, without blanks, quotes, user name and password.",
        )
    return Identity(name, origin, _slug(name), tuple(suites), codename, tuple(architectures), url.rstrip("/"))


def _field(what: str, value: str) -> str:
    """Return a value as Release and a Maintainer field can hold it."""
    value = value.strip()
    if not value or len(value) > _LONGEST or not value.isprintable() or "<" in value or ">" in value:
        raise NameRefused(
            f"{value[:_LONGEST]!r} can't be the {what} of a repository.",
            remedy=f"Write up to {_LONGEST} characters in one line, without < and >.",
        )
    return value


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:  # brackets that hold no address
        return False


def _slug(name: str) -> str:
    """Return a name in a-z, 0-9 and hyphens (Debian Policy 5.6.1), letters without their marks."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub("[^a-z0-9]+", "-", plain).strip("-")
    if not slug:
        raise NameRefused(
            f"{name!r} makes no package name: nothing of it is a letter from a to z, or a digit.",
            remedy="Give a name that has some, such as Acme; the label in repository.yaml may then be another.",
        )
    return slug


def _check_suites(suites: Sequence[str], codename: str) -> None:
    for suite in (*suites, codename):
        if not is_suite_name(suite):
            raise SuiteRefused(
                f"{suite[:200]!r} can't be a folder of dists/.",
                remedy="Use up to 64 letters, digits, dots, hyphens and underscores.",
            )
    names = [*suites, *([codename] if codename != suites[0] else [])]
    if twice := sorted({suite for suite in names if names.count(suite) > 1}):
        raise SuiteRefused(f"{twice[0]} names two suites.", remedy="Give each suite and codename a name of its own.")


def _check_architectures(architectures: Sequence[str]) -> None:
    for architecture in architectures:
        if architecture not in ARCHITECTURES:
            raise ArchitectureRefused(
                f"{architecture[:200]!r} is no architecture with an index of its own.",
                remedy=f"Use some of: {', '.join(sorted(ARCHITECTURES))}.",
            )
    if not architectures or len(set(architectures)) < len(architectures):
        raise ArchitectureRefused(
            f"{', '.join(architectures) or 'Nothing'} is no list of architectures.", remedy="Name each once."
        )
