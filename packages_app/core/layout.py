"""Where each object of the repository stands, and how it is served (DebianRepository/Format).

See docs/REQUIREMENTS.md R11.
"""

from __future__ import annotations

import re
from enum import Enum
from urllib.parse import quote

from packages_app.core.version import without_epoch

ALL = "all"
DEB_TYPE = "application/vnd.debian.binary-package"
INDEX_PAGE = "index.html"

_CONTENT_TYPES = {
    ".deb": DEB_TYPE,
    ".gz": "application/gzip",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
    ".gpg": "application/pgp-signature",
    ".asc": "application/pgp-keys",
    ".html": "text/html; charset=utf-8",
}
_YEAR_SECONDS = 365 * 24 * 3600


class CacheClass(Enum):
    """The Cache-Control of a class of objects: immutable ones for a year, all others checked again within a minute.

    What hands them on may not rewrite them (RFC 9111, 5.2.2.6): a CDN that compresses an index makes it another file.
    """

    IMMUTABLE = f"public, max-age={_YEAR_SECONDS}, immutable, no-transform"
    SHORT = "public, max-age=60, must-revalidate, no-transform"


def pool_prefix(source_name: str) -> str:
    """Return the pool's folder letter: one letter, or four for `lib*` packages, as in Debian's own archive."""
    return source_name[:4] if source_name.startswith("lib") and len(source_name) > 3 else source_name[:1]


def deb_filename(name: str, version: str, architecture: str) -> str:
    """Return the file name `name_version_architecture.deb`, the version without its epoch (Debian Policy 5.6.12)."""
    return f"{name}_{without_epoch(version)}_{architecture}.deb"


def pool_path(component: str, name: str, filename: str, build: str = "") -> str:
    """Return `pool/<component>/<prefix>/<name>/<filename>`; the file of a build is in a folder of its own there."""
    folder = f"{name}/{build}" if build else name
    return f"pool/{component}/{pool_prefix(name)}/{folder}/{filename}"


def suite_path(suite: str, name: str = "") -> str:
    """Return `dists/<suite>/<name>`, or the folder itself."""
    return f"dists/{suite}/{name}"


def binary_folder(component: str, architecture: str) -> str:
    """Return an index's folder relative to its suite: `<component>/binary-<arch>`."""
    return f"{component}/binary-{architecture}"


def by_hash_path(suite: str, index_name: str, sha256: str) -> str:
    """Return the by-hash key of an index named as in Release, for example `main/binary-amd64/Packages.gz`."""
    folder = index_name.rpartition("/")[0]
    return suite_path(suite, f"{folder}/by-hash/SHA256/{sha256}")


def public_address(public_url: str, key: str) -> str:
    """Return the address that clients fetch a key from, the one spelling for links, checks and redirects.

    RFC 3986 lets `~`, `:` and `+` stand in a path as they are, and `~` and `:` do. A plus sign is written `%2B`: every
    server reads that as the plus sign, while Amazon S3 reads a bare one as a space and answers 403 or 404. apt asks for
    `%2b` for the same reason (its `Acquire::URIEncode`), so this is also the spelling that caches have seen.
    """
    return f"{public_url.rstrip('/')}/{quote(key, safe='/~:')}"


def is_immutable(key: str) -> bool:
    """Return whether the bytes of this key never change once written: pool, by-hash, and patches of indexes."""
    return key.startswith("pool/") or "/by-hash/" in key or is_patch(key)


def is_patch(key: str) -> bool:
    """Return whether this is the key of a patch from one state of an index to another; its name says its bytes."""
    return re.search(r"/Packages\.diff/[0-9a-f]{32}\.gz\Z", key) is not None


def cache_control(key: str) -> str:
    """Return the Cache-Control header of a key."""
    cache_class = CacheClass.IMMUTABLE if is_immutable(key) else CacheClass.SHORT
    return str(cache_class.value)


def content_type(key: str) -> str:
    """Return the Content-Type of a key; by-hash objects, whose names say nothing, are `application/octet-stream`."""
    if "/by-hash/" in key:
        return "application/octet-stream"
    match = re.search(r"\.[a-z]+\Z", key)
    return _CONTENT_TYPES.get(match.group() if match else "", "text/plain; charset=utf-8")
