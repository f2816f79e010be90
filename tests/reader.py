"""A client that reads a bucket as apt does: InRelease, by-hash indexes, pool files, every hash checked."""

from __future__ import annotations

import gzip
import hashlib
import lzma

from debian.deb822 import Packages, Release

from packages_app.core.ports import ObjectStore
from packages_app.signing.openpgp import verified_text

_UNPACK = {"": bytes, ".gz": gzip.decompress, ".xz": lzma.decompress}


def read_release(bucket: ObjectStore, keyring: bytes, suite: str = "stable", *, settled: bool = True) -> Release:
    """Read InRelease, its signature checked, and see that Release and Release.gpg say the same."""
    text = verified_text(bucket.read(f"dists/{suite}/InRelease"), keyring)
    assert text is not None, "InRelease has no good signature"
    if settled:
        assert bucket.read(f"dists/{suite}/Release") == text
        assert verified_text(text, keyring, signature=bucket.read(f"dists/{suite}/Release.gpg")) == text
    return Release(text)


def read_suite(
    bucket: ObjectStore, keyring: bytes, suite: str = "stable", *, settled: bool = True
) -> dict[tuple[str, str, str], Packages]:
    """Give the stanzas of `read_stanzas` by (name, version, architecture of the index)."""
    return {
        (stanza["Package"], stanza["Version"], architecture): stanza
        for architecture, stanza in read_stanzas(bucket, keyring, suite, settled=settled)
    }


def read_stanzas(
    bucket: ObjectStore, keyring: bytes, suite: str = "stable", *, settled: bool = True, plain: bool = True
) -> list[tuple[str, Packages]]:
    """Read every index of a suite in all its forms; gives each stanza with the architecture of its index.

    Without `plain` the suite lists that form only, and it must not be there.

    While a publication is under way (not `settled`) only InRelease and what it names by hash is whole: that is what
    apt reads. Canonical names are replaced one by one.
    """
    release = read_release(bucket, keyring, suite, settled=settled)
    hashes = {entry["name"]: entry for entry in release["SHA256"]}
    stanzas: list[tuple[str, Packages]] = []
    for name, entry in hashes.items():
        folder, _, file = name.rpartition("/")
        if file == "Packages" and not plain:
            assert bucket.head(f"dists/{suite}/{name}") is None
            continue
        by_hash = f"dists/{suite}/{folder}/by-hash/SHA256/{entry['sha256']}"
        for key in (f"dists/{suite}/{name}", by_hash) if settled else (by_hash,):
            body = bucket.read(key)
            assert hashlib.sha256(body).hexdigest() == entry["sha256"], key
            assert len(body) == int(entry["size"]), key
        if folder.endswith("/Packages.diff"):
            if file == "Index":
                _read_patches(bucket, f"dists/{suite}/{folder}", body)
            continue
        text = _UNPACK[file.removeprefix("Packages")](body)
        assert hashlib.sha256(text).hexdigest() == hashes[f"{folder}/Packages"]["sha256"]
        if file == "Packages.gz":
            architecture = folder.rpartition("-")[2]
            stanzas += ((architecture, stanza) for stanza in Packages.iter_paragraphs(text, use_apt_pkg=False))
    return stanzas


def _read_patches(bucket: ObjectStore, folder: str, index: bytes) -> None:
    """See that every patch that an Index lists is there."""
    _, _, listed = index.decode().partition("SHA256-Download:\n")
    for line in listed.splitlines()[:-1]:
        sha256, size, name = line.split()
        if not name.startswith("end"):
            body = bucket.read(f"{folder}/{name}")
            assert (hashlib.sha256(body).hexdigest(), len(body)) == (sha256, int(size)), name


def read_everything(
    bucket: ObjectStore, keyring: bytes, suite: str = "stable", *, settled: bool = True
) -> set[tuple[str, str, str]]:
    """Read a suite and fetch every pool file that it names; gives the keys of `read_suite`."""
    packages = read_suite(bucket, keyring, suite, settled=settled)
    for stanza in packages.values():
        body = bucket.read(stanza["Filename"])
        assert hashlib.sha256(body).hexdigest() == stanza["SHA256"], stanza["Filename"]
        assert len(body) == int(stanza["Size"])
    return set(packages)
