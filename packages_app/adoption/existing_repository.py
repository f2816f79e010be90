"""An existing repository to adopt, behind a web address or in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from packages_app.core.checksums import Checksums, checksums_of_file
from packages_app.core.errors import RepositoryRefused, UpstreamError, UpstreamUnavailable
from packages_app.core.layout import public_address
from packages_app.core.ports import Silent
from packages_app.sources.connections import PrivateAddress
from packages_app.sources.download import Fetcher


class ExistingRepository(Protocol):
    """Gives files of a repository by their path below its root (`dists/…`, `pool/…`)."""

    def read(self, path: str, *, limit_bytes: int) -> bytes | None:
        """Return a small file's bytes; None when it is not there."""
        ...

    def fetch(self, path: str, target: Path, *, limit_bytes: int) -> Checksums | None:
        """Copy a file to `target`; return its checksums, or None when it is not there."""
        ...

    def url_of(self, path: str) -> str:
        """Return the address that a file may be fetched from again; "" when it has none."""
        ...


class FolderRepository:
    """A repository in a local folder."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise RepositoryRefused(f"There is no folder {root}.", remedy="Name the folder that holds dists/.")
        self._root = root

    def read(self, path: str, *, limit_bytes: int) -> bytes | None:
        """Return a small file's bytes."""
        file = self._root / checked_path(path)
        if not file.is_file():
            return None
        _check_size(path, file.stat().st_size, limit_bytes)
        return file.read_bytes()

    def fetch(self, path: str, target: Path, *, limit_bytes: int) -> Checksums | None:
        """Copy a file."""
        file = self._root / checked_path(path)
        if not file.is_file():
            return None
        _check_size(path, file.stat().st_size, limit_bytes)
        shutil.copyfile(file, target)
        return checksums_of_file(target)

    def url_of(self, path: str) -> str:
        """Return nothing: a folder of this machine is no address for others."""
        return ""


class WebRepository:
    """A repository behind http or https."""

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self._url = url
        self._fetcher = fetcher

    def read(self, path: str, *, limit_bytes: int) -> bytes | None:
        """Return a small file's bytes."""
        try:
            return self._fetcher.get_bytes(self.url_of(path), limit_bytes=limit_bytes)
        except (UpstreamUnavailable, PrivateAddress):
            raise
        except UpstreamError:  # 404, or 403 where a bucket does not tell
            return None

    def fetch(self, path: str, target: Path, *, limit_bytes: int) -> Checksums | None:
        """Download a file."""
        try:
            return self._fetcher.download(self.url_of(path), target, limit_bytes=limit_bytes, progress=Silent())
        except (UpstreamUnavailable, PrivateAddress):
            raise
        except UpstreamError:
            return None

    def url_of(self, path: str) -> str:
        """Return a file's address."""
        return public_address(self._url, checked_path(path))


def open_repository(where: str, fetcher: Fetcher) -> ExistingRepository:
    """Return the repository that a web address or a path names; raise `RepositoryRefused`."""
    scheme = urlsplit(where).scheme
    if scheme in ("http", "https"):
        return WebRepository(where, fetcher)
    if scheme and "://" in where:
        raise RepositoryRefused(f"{where} is no http(s) address.", remedy="Give http://…, https://… or a folder.")
    return FolderRepository(Path(where))


def checked_path(path: str) -> str:
    """Return a path below the root, `./` in front removed; raise `RepositoryRefused` for one that leads elsewhere."""
    plain = path.removeprefix("./")
    if plain.startswith("/") or not plain.isprintable() or any(part in ("", "..") for part in plain.split("/")):
        raise RepositoryRefused(
            f"The repository names the path {path[:100]!r}.",
            remedy="Have its tool write it anew; this is no path of a file.",
        )
    return plain


def _check_size(path: str, size: int, limit_bytes: int) -> None:
    if size > limit_bytes:
        raise RepositoryRefused(
            f"{path} has {size} bytes, more than the {limit_bytes} that are read.", remedy="Look at what it is."
        )
