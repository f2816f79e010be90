"""Valid tiny `.deb` files with the control fields of Debian's own packages, made without a process for each."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packages_app.core.checksums import Checksums, checksums_of_bytes, checksums_of_file
from packages_app.core.layout import deb_filename
from packages_app.debian.control import parse_control
from packages_app.debian.stanza import parsed_stanza
from tests.benchmarks.debian_index import debian_index
from tests.debs import ar_archive, ar_header, tar_archive

_ARCHITECTURES = ("amd64", "all")
_DATA = gzip.compress(tar_archive({}), mtime=0)


@dataclass(frozen=True)
class TinyDeb:
    """A file that was made, and what its control paragraph says."""

    name: str
    version: str
    architecture: str
    control: str
    path: Path
    checksums: Checksums


def debian_controls() -> list[str]:
    """Give the control paragraphs of Debian's main index, one version of each name, in a fixed order without sense.

    Without sense, so that the first thousand are as mixed as all are, and a package that is added lands anywhere.
    """
    text = debian_index().text
    controls: dict[str, str] = {}
    for stanza in text.decode().rstrip("\n").split("\n\n"):
        _, control = parsed_stanza(stanza)
        fields = parse_control(f"{control}\n")
        if fields["Architecture"] in _ARCHITECTURES:
            controls.setdefault(fields["Package"], control)
    mixed = [controls[name] for name in sorted(controls)]
    random.Random(5).shuffle(mixed)
    return mixed


def make_deb(folder: Path, control: str) -> TinyDeb:
    """Write a package without files that has this control paragraph; the same paragraph gives the same bytes."""
    fields = parse_control(f"{control}\n")
    name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
    packed = gzip.compress(tar_archive({"./control": f"{control}\n".encode()}), compresslevel=1, mtime=0)
    body = ar_archive(("debian-binary", b"2.0\n"), ("control.tar.gz", packed), ("data.tar.gz", _DATA))
    path = folder / deb_filename(name, version, architecture)
    path.write_bytes(body)
    return TinyDeb(name, version, architecture, control, path, checksums_of_bytes(body))


def make_versions(folder: Path, controls: Sequence[str], count: int) -> Iterator[TinyDeb]:
    """Write `count` files: versions of these packages, as many of each."""
    for number in range(count):
        control = controls[number % len(controls)]
        version = parse_control(f"{control}\n")["Version"]
        later = f"{version}+bench{number // len(controls)}"
        yield make_deb(folder, control.replace(f"\nVersion: {version}\n", f"\nVersion: {later}\n", 1))


def make_large_deb(folder: Path, name: str, version: str, size: int) -> TinyDeb:
    """Write a package with one file of `size` random bytes, not packed; a small part of it is in memory at a time."""
    control = (
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: Bench <bench@example.org>\n"
        "Section: misc\nPriority: optional\nDescription: a large package"
    )
    packed = gzip.compress(tar_archive({"./control": f"{control}\n".encode()}), mtime=0)
    path = folder / deb_filename(name, version, "amd64")
    with path.open("wb") as out:
        out.write(ar_archive(("debian-binary", b"2.0\n"), ("control.tar.gz", packed)))
        head = out.tell()
        out.write(ar_header("data.tar", 0))
        begin = out.tell()
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as tar:
            large = tarfile.TarInfo("./usr/share/large")
            large.size = size
            tar.addfile(large, _Random(size))
        length = out.tell() - begin
        out.seek(head)
        out.write(ar_header("data.tar", length))
    return TinyDeb(name, version, "amd64", control, path, checksums_of_file(path))


class _Random(io.RawIOBase):
    """So many random bytes, made as they are read."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """Give the next ones."""
        wanted = self._left if size < 0 else min(size, self._left)
        self._left -= wanted
        return os.urandom(wanted)
