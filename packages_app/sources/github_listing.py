"""Releases and assets as GitHub's API lists them ("List releases", REST API version 2022-11-28)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packages_app.core.errors import UpstreamError
from packages_app.core.record import LONGEST_NOTES
from packages_app.sources.exchange import is_web_address

_MOST_RELEASES = 1000
"""On a page, of which we ask for a hundred."""
_MOST_ASSETS = 1000
"""Of a release; GitHub allows so many ("About releases")."""
_LONGEST = {"tag_name": 255, "name": 255, "browser_download_url": 4096, "url": 4096}
"""In characters."""
_DIGEST = re.compile(r"sha256:([0-9A-Fa-f]{64})\Z")


@dataclass(frozen=True)
class Asset:
    """A file of a release. `url` is for everybody, `api_url` wants a token; `sha256` is "" where GitHub has no digest.

    `size` is in bytes.
    """

    name: str
    url: str
    api_url: str
    size: int
    sha256: str = ""


@dataclass(frozen=True)
class TaggedRelease:
    """A release with the assets whose upload is complete, its notes cut to what a record holds.

    `published` is ISO 8601, "" for a draft.
    """

    tag: str
    draft: bool
    pre_release: bool
    published: str
    notes: str
    assets: tuple[Asset, ...]


def read_releases(page: Any, where: str) -> tuple[list[TaggedRelease], list[str]]:
    """Return the releases of one page, and what in it is not as documented: a release, or an asset of one, each alone.

    Raise `UpstreamError` for a page that is no list, or that has faults and nothing else of use.
    """
    faults: list[str] = []
    found: list[TaggedRelease] = []
    if not isinstance(page, list):
        faults.append(f"a {type(page).__name__} stands where a list of releases is due")
    for number, entry in enumerate(page[:_MOST_RELEASES] if isinstance(page, list) else ()):
        try:
            found.append(_release(entry, f"[{number}]", faults))
        except _Misshapen as error:
            faults.append(str(error))
    if faults and not any(release.assets for release in found):
        raise UpstreamError(
            f"{where} is no list of GitHub's releases: {faults[0]}.",
            remedy="Check that `api` of the definition is the address of a GitHub API; nothing was taken in.",
        )
    return found, faults


class _Misshapen(Exception):
    """Where a page is not as documented."""


def _release(entry: Any, at: str, faults: list[str]) -> TaggedRelease:
    """Read a release; add to `faults` what is wrong with assets of it, which are left out."""
    values = _object(entry, at)
    assets = values.get("assets")
    if not isinstance(assets, list) or len(assets) > _MOST_ASSETS:
        raise _Misshapen(f"{at}.assets is no list of at most {_MOST_ASSETS}")
    found: list[Asset | None] = []
    for number, asset in enumerate(assets):
        try:
            found.append(_asset(asset, f"{at}.assets[{number}]"))
        except _Misshapen as error:
            faults.append(str(error))
    return TaggedRelease(
        tag=_text(values, "tag_name", at),
        draft=_flag(values, "draft", at),
        pre_release=_flag(values, "prerelease", at),
        published=_text(values, "published_at", at, required=False),
        notes=_text(values, "body", at, required=False)[:LONGEST_NOTES],
        assets=tuple(asset for asset in found if asset is not None),
    )


def _asset(entry: Any, at: str) -> Asset | None:
    """Return an asset, or None for one whose upload is not complete."""
    values = _object(entry, at)
    if values.get("state", "uploaded") != "uploaded":
        return None
    size = values.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise _Misshapen(f"{at} has the size {size!r}")
    return Asset(
        name=_text(values, "name", at),
        url=_address(values, "browser_download_url", at),
        api_url=_address(values, "url", at),
        size=size,
        sha256=_sha256(values, at),
    )


def _sha256(values: Mapping[str, Any], at: str) -> str:
    digest = _text(values, "digest", at, required=False)
    if not digest.startswith("sha256:"):
        return ""  # none, as for assets of before 2025, or one of a kind that we don't take
    found = _DIGEST.match(digest)
    if found is None:
        raise _Misshapen(f"{at} has the digest {digest[:80]!r}")
    return found[1].lower()


def _object(entry: Any, at: str) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        raise _Misshapen(f"{at} is no object")
    return entry


def _text(values: Mapping[str, Any], name: str, at: str, *, required: bool = True) -> str:
    value = values.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value):
        raise _Misshapen(f"{at} has no {name}")
    if len(value) > _LONGEST.get(name, len(value)):
        raise _Misshapen(f"{at} has a {name} of {len(value)} characters")
    return value


def _flag(values: Mapping[str, Any], name: str, at: str) -> bool:
    value = values.get(name)
    if not isinstance(value, bool):
        raise _Misshapen(f"{at}.{name} is neither true nor false")
    return value


def _address(values: Mapping[str, Any], name: str, at: str) -> str:
    url = _text(values, name, at)
    if not is_web_address(url):
        raise _Misshapen(f"{at}.{name} is no http(s) address")
    return url
