"""Releases and assets as GitHub's API lists them ("List releases", REST API version 2022-11-28)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packages_app.core.errors import UpstreamError
from packages_app.sources.exchange import is_web_address

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
    """A release with the assets whose upload is complete. `published` is ISO 8601, "" for a draft."""

    tag: str
    draft: bool
    pre_release: bool
    published: str
    notes: str
    assets: tuple[Asset, ...]


def read_releases(page: Any, where: str) -> list[TaggedRelease]:
    """Return the releases of one page; raise `UpstreamError` that says where the page has another shape."""
    try:
        if not isinstance(page, list):
            raise _Misshapen(f"a {type(page).__name__} stands where a list of releases is due")
        return [_release(entry, f"[{number}]") for number, entry in enumerate(page)]
    except _Misshapen as error:
        raise UpstreamError(
            f"{where} is no list of GitHub's releases: {error}.",
            remedy="Check that `api` of the definition is the address of a GitHub API; nothing was taken in.",
        ) from error


class _Misshapen(Exception):
    """Where a page is not as documented."""


def _release(entry: Any, at: str) -> TaggedRelease:
    values = _object(entry, at)
    assets = values.get("assets")
    if not isinstance(assets, list):
        raise _Misshapen(f"{at}.assets is no list")
    found = [_asset(asset, f"{at}.assets[{number}]") for number, asset in enumerate(assets)]
    return TaggedRelease(
        tag=_text(values, "tag_name", at),
        draft=_flag(values, "draft", at),
        pre_release=_flag(values, "prerelease", at),
        published=_text(values, "published_at", at, required=False),
        notes=_text(values, "body", at, required=False),
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
