"""GitHub's releases API and its downloads on free loopback ports: pages, ETags, rate limits, faults, checksum files."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.loopback import LoopbackServer, QuietHandler

REPOSITORY = "owner/tool"
LISTING = f"/repos/{REPOSITORY}/releases"


def rewritten(name: str) -> str:
    """A name as GitHub stores it."""
    return re.sub(r"[^A-Za-z0-9._+@-]+", ".", name).strip(".")


@dataclass
class Said:
    """An answer in place of the usual one, `times` times; `cut` drops that many bytes of a body sent as whole."""

    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    cut: int = 0


@dataclass(frozen=True)
class Request:
    """What a server was asked."""

    path: str
    query: str
    headers: dict[str, str]


class _Server(LoopbackServer):
    """An HTTP server that remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.said: dict[str, Said] = {}
        server = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                server._take(self)

        super().__init__(Handler)

    def asked(self, part: str = "") -> list[Request]:
        return [request for request in self.requests if part in request.path]

    def answer(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        raise NotImplementedError

    def _take(self, handler: Any) -> None:
        parts = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(unquote(parts.path), parts.query, headers)
        self.requests.append(request)
        key = handler.path if handler.path in self.said else request.path
        said = self.said.get(key)
        status, body, sent = self.answer(request)
        if said is not None:
            said.times -= 1
            if said.times <= 0:
                del self.said[key]
            status, sent = said.status, {**sent, **said.headers}
            body = body if said.body is None else said.body
        handler.send_response(status)
        for name, value in sent.items():
            handler.send_header(name, value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if status != 304:
            handler.wfile.write(body[: len(body) - (said.cut if said else 0)])
        handler.close_connection = bool(said and said.cut)


class Downloads(_Server):
    """The server that holds the assets; on GitHub it has another name than the API."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}

    def answer(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        body = self.files.get(request.path)
        return (404, b"Not Found", {}) if body is None else (200, body, {})


class GitHub(_Server):
    """The API of one repository; use it as a context manager, its `downloads` run with it."""

    def __init__(self) -> None:
        super().__init__()
        self.downloads = Downloads()
        self.releases: list[dict[str, Any]] = []
        self.per_page = 100
        self.left: int | None = None
        self._assets = 0
        self._by_id: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.downloads.__enter__()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.downloads.__exit__()

    def release(
        self, tag: str, *files: Path | tuple[str, bytes], digests: bool = True, **fields: Any
    ) -> dict[str, Any]:
        """Publish a release with files, newest first as GitHub lists them; gives it to be changed."""
        published = f"2026-01-{len(self.releases) % 28 + 1:02}T00:00:00Z"
        release = {
            "tag_name": tag, "draft": False, "prerelease": False, "published_at": published,
            "body": f"Notes of {tag}", "assets": [], **fields,
        }  # fmt: skip
        self.releases.insert(0, release)
        for file in files:
            name, body = (file.name, file.read_bytes()) if isinstance(file, Path) else file
            self.attach(release, name, body, digest=digests)
        return release

    def attach(self, release: dict[str, Any], name: str, body: bytes, *, digest: bool = True) -> dict[str, Any]:
        """Upload an asset; its name is rewritten as GitHub does."""
        self._assets += 1
        name = rewritten(name)
        path = f"/{REPOSITORY}/releases/download/{release['tag_name']}/{name}"
        self.downloads.files[path] = body
        self._by_id[f"{LISTING}/assets/{self._assets}"] = path
        asset = {
            "url": f"{self.url}{LISTING}/assets/{self._assets}",
            "browser_download_url": f"{self.downloads.url}{quote(path)}",
            "name": name, "state": "uploaded", "size": len(body),
            "digest": f"sha256:{hashlib.sha256(body).hexdigest()}" if digest else None,
        }  # fmt: skip
        release["assets"].append(asset)
        return asset

    def replace(self, asset: dict[str, Any], body: bytes) -> None:
        """Put other bytes at an asset's address, as upstream may."""
        self.downloads.files[unquote(urlsplit(asset["browser_download_url"]).path)] = body
        asset.update(size=len(body), digest=f"sha256:{hashlib.sha256(body).hexdigest()}")

    def listings(self) -> list[Request]:
        return [request for request in self.requests if request.path == LISTING]

    def answer(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        headers = {}
        if self.left is not None:
            self.left = max(self.left - 1, 0)
            headers = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": str(self.left)}
        if request.path in self._by_id:
            return 302, b"", {**headers, "Location": self.downloads.url + quote(self._by_id[request.path])}
        if request.path != LISTING:
            return 404, b'{"message": "Not Found"}', headers
        return self._page(request, headers)

    def _page(self, request: Request, headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        query = parse_qs(request.query)
        number, asked = int(query.get("page", ["1"])[0]), query.get("per_page", ["30"])[0]
        per_page = min(self.per_page, int(asked))
        body = json.dumps(self.releases[(number - 1) * per_page : number * per_page]).encode()
        if number * per_page < len(self.releases):
            base = f"{self.url}{LISTING}?per_page={asked}&page="
            headers["Link"] = f'<{base}1>; rel="first", <{base}{number + 1}>; rel="next", <{base}9>; rel="last"'
        etag = f'W/"{hashlib.md5(body + headers.get("Link", "").encode()).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return 304, b"", {**{n: v for n, v in headers.items() if n != "Link"}, "ETag": etag}
        return 200, body, {**headers, "ETag": etag}
