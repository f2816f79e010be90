"""GitHub's REST API, as far as releases need it: pages, conditional requests, the token, and what errors mean."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from packages_app.core.checksums import Checksums
from packages_app.core.errors import UpstreamError
from packages_app.core.ports import Progress
from packages_app.core.source_tokens import setting_for
from packages_app.sources.answers import Document, ask_document
from packages_app.sources.checksum_files import Announced
from packages_app.sources.connections import Deadline
from packages_app.sources.download import DOCUMENT_BYTES, Fetcher, read_json
from packages_app.sources.exchange import Answer, TooLarge, check_status, plain, same_server
from packages_app.sources.github_limits import RateLimit, requests_left
from packages_app.sources.github_listing import Asset, TaggedRelease, read_releases

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_PER_PAGE = (100, 20, 4, 1)
"""Releases on a page: GitHub's most, then fewer where a page is too large. One of 1,000 assets, the most, is 2 MB."""
_NAMED = 3
_MOST_RELEASES = 10_000
"""GitHub itself lists no more."""
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_NEXT = re.compile(r';\s*rel="?(?:[^";]* )?next[" ;,]?', re.IGNORECASE)


class GitHubApi:
    """One repository at one API. The token goes to the API's own server and nowhere else."""

    def __init__(self, api: str, repository: str, fetcher: Fetcher) -> None:
        self._api = api
        self._repository = repository
        self._fetcher = fetcher
        self._token = fetcher.tokens.token_for(api)
        self._setting = setting_for(api)
        self._limit = RateLimit(api, self._token, fetcher.answers, fetcher.clock)

    def releases(self, progress: Progress, needed: Callable[[TaggedRelease], TaggedRelease]) -> list[TaggedRelease]:
        """Return what is needed of each release of all pages; raise `UpstreamError` when any page can't be used.

        A page that has not changed since the last check is not sent again. Where one is larger than a document may be,
        all are asked for anew in smaller ones; raise `TooLarge` when one release alone is, `TookTooLong`
        when all together take longer than a list may.
        """
        deadline = self._fetcher.deadline_of_listing(f"{self._api}/repos/{self._repository}/releases")
        for per_page in _PER_PAGE:
            with suppress(TooLarge):
                return self._releases(per_page, deadline, progress, needed)
        raise TooLarge(
            f"A release of {self._repository} fills more than {DOCUMENT_BYTES} bytes of {self._api}.",
            remedy="Ask upstream for shorter notes or fewer assets; nothing was taken in.",
        )

    def _releases(
        self, per_page: int, deadline: Deadline, progress: Progress, needed: Callable[[TaggedRelease], TaggedRelease]
    ) -> list[TaggedRelease]:
        url = f"{self._api}/repos/{self._repository}/releases?per_page={per_page}"
        seen: set[str] = set()
        releases: list[TaggedRelease] = []
        while url:
            seen.add(url)
            deadline.left(None)
            page = self._page(url)
            found, faults = read_releases(page.content, plain(url))
            releases += map(needed, found)
            if faults:
                more = f" and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
                progress.note(f"{plain(url)}: {'; '.join(faults[:_NAMED])}{more}", level="warning")
            url = self._next(page, url)
            if url and (url in seen or max(len(seen) * per_page, len(releases)) >= _MOST_RELEASES):
                raise UpstreamError(
                    f"{self._api} lists the releases of {self._repository} on pages without end.",
                    remedy=f"Ask upstream to have at most {_MOST_RELEASES} releases; nothing was taken in.",
                )
        if left := requests_left(page.headers):
            progress.note(f"{urlsplit(self._api).hostname}: {left}")
        return releases

    def small_asset(self, asset: Asset, *, limit_bytes: int) -> bytes:
        """Return the bytes of an asset, at most `limit_bytes`."""
        url, headers = self._way_to(asset)
        return self._fetcher.get(url, limit_bytes=limit_bytes, headers=headers, check=self._check).body

    def download(
        self, asset: Asset, target: Path, announced: Announced | None, *, limit_bytes: int, progress: Progress
    ) -> Checksums:
        """Download an asset of at most `limit_bytes` and compare size and checksum; return its checksums."""
        url, headers = self._way_to(asset)
        return self._fetcher.download(
            url,
            target,
            limit_bytes=limit_bytes,
            expected_size=asset.size,
            expected_sha256=announced.sha256 if announced else "",
            announced_by=announced.by if announced else "",
            headers=headers,
            check=self._check,
            progress=progress,
        )

    def _way_to(self, asset: Asset) -> tuple[str, Mapping[str, str]]:
        """Return address and headers of a download: assets of private repositories are had through the API only."""
        if not self._token or not same_server(asset.api_url, self._api):
            return asset.url, {}
        self._limit.check_free()
        return asset.api_url, {**self._headers(), "Accept": "application/octet-stream"}

    def _headers(self) -> Mapping[str, str]:
        return {**_HEADERS, "Authorization": f"Bearer {self._token}"} if self._token else _HEADERS

    def _page(self, url: str) -> Document:
        self._limit.check_free()
        return ask_document(
            url,
            self._headers(),
            cache=self._fetcher.answers,
            get=lambda headers, check: self._fetcher.get(url, limit_bytes=DOCUMENT_BYTES, headers=headers, check=check),
            check=self._check,
            read=lambda body: read_json(url, body),
        )

    def _next(self, page: Document, url: str) -> str:
        """Return the address of the next page, "" after the last; raise `UpstreamError` for another server's."""
        for target, parameters in _LINK.findall(page.headers.get("link", "")):
            if not _NEXT.search(parameters):
                continue
            following = urljoin(url, str(target))
            if not same_server(following, self._api):
                raise UpstreamError(
                    f"{plain(url)} names {plain(following)} as its next page, which is on another server.",
                    remedy="Correct `api` in the definition; nothing was taken in.",
                )
            return following
        return ""

    def _check(self, url: str, answer: Answer) -> None:
        """Raise for an answer that is none; what the API's own server says is explained."""
        if same_server(answer.url, self._api):
            self._limit.check_answer(answer)
            said = f"{plain(url)} answered {answer.said}{self._message(answer.body)}"
            if answer.status == HTTPStatus.NOT_FOUND:
                raise UpstreamError(
                    f"{said}: there is no repository {self._repository}, or it is private.",
                    remedy=f"Correct `repository`; for a private one, set {self._setting} to a token that may read it.",
                )
            if answer.status == HTTPStatus.UNAUTHORIZED:
                raise UpstreamError(f"{said}.", remedy=f"Set {self._setting} to a valid token, or unset it.")
            if answer.status == HTTPStatus.FORBIDDEN:
                raise UpstreamError(
                    f"{said}: {self._repository} may not be read.",
                    remedy=f"Give {self._setting} a token with the right to read the repository's contents.",
                )
        check_status(url, answer)

    def _message(self, body: bytes) -> str:
        """Return what GitHub says beside the status, as ` ("…")`; never the token, whatever the server echoes."""
        try:
            message = json.loads(body)["message"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        text = " ".join(str(message).split())[:200]
        return f' ("{text.replace(self._token, "***") if self._token else text}")'
