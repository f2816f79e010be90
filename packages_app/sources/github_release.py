"""`github_release`: the `.deb` assets of a repository's releases on GitHub, or on a GitHub Enterprise Server.

See docs/REQUIREMENTS.md R4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from packages_app.core.definition import Definition
from packages_app.core.errors import UpstreamError
from packages_app.core.ports import Progress
from packages_app.core.setting_field import Kind, SettingField
from packages_app.core.source_tokens import GITHUB_HOST, setting_for
from packages_app.core.version import is_version, version_key
from packages_app.core.yaml_reader import YamlReader
from packages_app.sources.checksum_files import Announced, ChecksumFiles, agreed, announced_in
from packages_app.sources.download import Fetcher
from packages_app.sources.exchange import is_web_address
from packages_app.sources.github_api import GitHubApi
from packages_app.sources.github_listing import Asset, TaggedRelease
from packages_app.sources.release_tags import is_pre_release, version_of_tag
from packages_app.sources.source import Fetched, Offer
from packages_app.sources.window import WINDOW_FIELDS, Window, read_window

_GITHUB = f"https://{GITHUB_HOST}"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")
_MIB = 1024 * 1024
_CHECKSUM_FILE_LIMIT = _MIB
_MOST_CHECKSUM_FILES = 20
_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class GitHubReleaseSettings:
    """`repository` is `owner/name`. A name, as GitHub rewrites it, has to fit one of `asset_patterns` (fnmatch).

    A version is a release, in `window`.
    """

    repository: str
    asset_patterns: tuple[str, ...]
    prereleases: bool | None
    api: str
    size_limit_mb: int
    window: Window


@dataclass(frozen=True)
class AssetOffer(Offer):
    """An offer with its asset, the tag of its release, and the release's assets that may hold its checksum."""

    tag: str = field(kw_only=True)
    asset: Asset = field(kw_only=True)
    checksum_files: tuple[Asset, ...] = field(kw_only=True)


class GitHubRelease:
    """Asks for releases; takes every matching `.deb` of every one, a release for several architectures too."""

    takes_uploads: ClassVar[bool] = False
    fields: ClassVar[tuple[SettingField, ...]] = (
        SettingField("repository", "Repository", "On GitHub, as owner/name."),
        SettingField("asset_pattern", "Assets", "Patterns of their names, such as tool_*_amd64.deb; empty: *.deb.",
                     Kind.TEXTS),
        SettingField("prereleases", "Pre-releases", "Whether they are taken; empty: while there is no other release.",
                     Kind.FLAG),
        SettingField("api", "API", f"Empty: {_GITHUB}; else that of a GitHub Enterprise Server."),
        *WINDOW_FIELDS,
        SettingField("size_limit_mb", "Largest file in MiB", "Empty: 2048.", Kind.NUMBER),
    )  # fmt: skip

    def __init__(self, definition: Definition, fetcher: Fetcher) -> None:
        settings = definition.source_settings
        if not isinstance(settings, GitHubReleaseSettings):
            raise TypeError(f"{definition.name} has settings of another source type")
        self._name = definition.name
        self._settings = settings
        self._withheld = fetcher.tokens.withheld_from(settings.api)
        self._api = GitHubApi(settings.api, settings.repository, fetcher)

    @staticmethod
    def read_settings(reader: YamlReader) -> GitHubReleaseSettings:
        """Take repository, asset_pattern, prereleases, api, size_limit_mb, newest and since."""
        repository = reader.text("repository")
        if repository and not _REPOSITORY.match(repository):
            reader.problem("repository", f"{repository!r} is no repository of GitHub.", "Write it as owner/name.")
        patterns = reader.texts("asset_pattern", required=False, default=("*.deb",))
        for pattern in patterns:
            if not pattern.strip() or "/" in pattern:
                reader.problem("asset_pattern", f"{pattern!r} fits no file name.", "Write it like tool_*_amd64.deb.")
        prereleases = reader.flag("prereleases", default=None)
        api = reader.text("api", required=False, default=_GITHUB).rstrip("/")
        parts = urlsplit(api) if is_web_address(api) else None
        if parts is None or parts.username or parts.password or parts.query or parts.fragment:
            reader.problem(
                "api",
                "It is no plain http(s) address.",
                f"Write {_GITHUB}, or https://HOST/api/v3 for GitHub Enterprise Server; no password, no query.",
            )
        limit = reader.number("size_limit_mb", default=2048, least=1)
        return GitHubReleaseSettings(repository, patterns, prereleases, api, limit, read_window(reader))

    def offers(self, progress: Progress) -> list[Offer]:
        """Return every matching asset, oldest version first; what is passed over is marked or noted."""
        if self._withheld:
            progress.note(
                f"{self._name}: no token is sent to {self._settings.api}: it is no https address of a host "
                f"that has one in {setting_for(self._settings.api)}",
                level="warning",
            )
        releases = [release for release in self._api.releases(progress, self._needed) if not release.draft]
        offers: list[AssetOffer] = []
        early: list[str] = []
        unversioned: list[str] = []
        takes_early = self._takes_early(releases)
        for release in releases:
            assets = [asset for asset in release.assets if self._matches(asset)]
            if not assets:
                continue
            if _is_early(release) and not takes_early:
                early.append(release.tag)
                continue
            of_tag = version_of_tag(release.tag, pre_release=release.pre_release)
            files = ChecksumFiles(asset.name for asset in release.assets)
            for asset in assets:
                version = of_tag or _version_in(asset.name)
                unversioned += [] if version or release.tag in unversioned[-1:] else [release.tag]
                offers.append(_offer(release, version, asset, files))
        if early:
            progress.note(f"{self._name}: pre-releases are passed over: {_named(early)}")
        if unversioned:
            progress.note(f"{self._name}: the packages alone tell their versions: {_named(unversioned)}")
        if not (offers or early):
            patterns = self._settings.asset_patterns
            progress.note(
                f"{self._name}: none of {len(releases)} releases has a .deb that fits {' or '.join(patterns)}",
                level="warning",
            )
        offers.sort(key=_order)
        marked = self._settings.window.marked(offers, lambda offer: offer.tag, self._name, progress)
        return list(marked)

    def fetch(self, offer: Offer, folder: Path, progress: Progress) -> Fetched:
        """Download an asset after its checksums were compared; raise `UpstreamError` when any two differ."""
        if not isinstance(offer, AssetOffer):
            raise TypeError(f"{offer.deb_url} is an offer of another source type")
        announced = self._announced(offer, progress)
        path = folder / "package.deb"
        checksums = self._api.download(
            offer.asset, path, announced, limit_bytes=self._settings.size_limit_mb * _MIB, progress=progress
        )
        agreeing = f"its SHA256 is the one of {announced.by}" if announced else "upstream announces no SHA256 of it"
        progress.note(f"{offer.filename}: {agreeing}")
        return Fetched(path, checksums)

    def _takes_early(self, releases: Iterable[TaggedRelease]) -> bool:
        """Return whether pre-releases are taken: as the definition says, or where no other release has a package."""
        if self._settings.prereleases is not None:
            return self._settings.prereleases
        return not any(not _is_early(each) and any(map(self._matches, each.assets)) for each in releases)

    def _needed(self, release: TaggedRelease) -> TaggedRelease:
        """Return a release with what a check wants of it: its packages that fit, and what may hold their checksums."""
        packages = [asset.name for asset in release.assets if self._matches(asset)]
        files = ChecksumFiles(asset.name for asset in release.assets) if packages else None
        names = set(packages).union(*(files.of(name) for name in packages)) if files else set()
        kept = tuple(asset for asset in release.assets if asset.name in names)
        return replace(release, assets=kept, notes=release.notes if kept else "")

    def _matches(self, asset: Asset) -> bool:
        fits = any(fnmatchcase(asset.name, pattern) for pattern in self._settings.asset_patterns)
        return fits and asset.name.endswith(".deb")

    def _announced(self, offer: AssetOffer, progress: Progress) -> Announced | None:
        if len(offer.checksum_files) > _MOST_CHECKSUM_FILES:
            raise UpstreamError(
                f"{offer.filename} has {len(offer.checksum_files)} checksum files.",
                remedy=f"Ask upstream for at most {_MOST_CHECKSUM_FILES} a release.",
            )
        found = [Announced(offer.sha256, "GitHub's digest")] if offer.sha256 else []
        silent: list[str] = []
        for file in offer.checksum_files:
            body = self._api.small_asset(file, limit_bytes=_CHECKSUM_FILE_LIMIT)
            said = announced_in(body, file.name, offer.filename)
            found += said
            silent += [] if said else [file.name]
        if silent and not found:  # whoever added the file to the release may not have been who made the list
            raise UpstreamError(
                f"{_named(silent)} of the release holds no SHA256 of {offer.filename}, and nothing else does.",
                remedy="Ask upstream to list the file there; nothing was taken in.",
            )
        if silent:
            progress.note(f"{offer.filename}: {_named(silent)} holds no SHA256 of it", level="warning")
        return agreed(offer.filename, found)


def _is_early(release: TaggedRelease) -> bool:
    return release.pre_release or is_pre_release(release.tag)


def _version_in(name: str) -> str:
    """Return the version in a file's name, `NAME_VERSION_ARCHITECTURE.deb`; "" where there is none (deb(7))."""
    parts = name.removesuffix(".deb").split("_")
    return parts[1] if len(parts) == 3 and is_version(parts[1]) else ""


def _order(offer: AssetOffer) -> tuple[str, str, str]:
    """Return what offers are sorted by: those without a version come first, by their date."""
    return (version_key(offer.version) if offer.version else "", offer.pub_date, offer.filename)


def _offer(release: TaggedRelease, version: str, asset: Asset, files: ChecksumFiles) -> AssetOffer:
    """Make an offer; which architecture and version it really is, its control paragraph says."""
    names = files.of(asset.name)
    return AssetOffer(
        version,
        asset.name,
        asset.url,
        notes=release.notes,
        pub_date=release.published,
        sha256=asset.sha256,
        size=asset.size,
        tag=release.tag,
        asset=asset,
        checksum_files=tuple(other for other in release.assets if other.name in names) if names else (),
    )


def _named(tags: Iterable[str]) -> str:
    """Return a few tags and how many there are beside."""
    tags = list(tags)
    more = len(tags) - _NAMED_AT_MOST
    return ", ".join(tags[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
