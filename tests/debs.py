"""Real `.deb` files, built without dpkg-deb: fast, the same bytes each time, and easy to corrupt on purpose."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import zstandard

from packages_app.core.layout import deb_filename

COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda body: gzip.compress(body, mtime=0),
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def build_deb(
    folder: Path,
    name: str,
    version: str,
    architecture: str = "amd64",
    *,
    compression: str = ".gz",
    files: Mapping[str, bytes] | None = None,
    scripts: Mapping[str, str] | None = None,
    **fields: str,
) -> Path:
    """Build a package; further control fields by keyword (`Pre_Depends` for `Pre-Depends`). Gives its path."""
    control = {
        "Package": name,
        "Version": version,
        "Architecture": architecture,
        "Maintainer": "Maintainer <maintainer@example.org>",
        "Installed-Size": "4",
        "Section": "misc",
        "Priority": "optional",
        **{field.replace("_", "-"): value for field, value in fields.items()},
    }
    control.setdefault("Description", f"the package {name}\n A package built for a test.")
    text = "".join(f"{field}: {value}\n" for field, value in control.items())
    inside = {"./control": text.encode(), **{f"./{name}": body.encode() for name, body in (scripts or {}).items()}}
    data = {f"./{path}": body for path, body in (files or {f"usr/share/doc/{name}/README": b"Hello.\n"}).items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / deb_filename(name, version, architecture)
    compress = COMPRESS[compression]
    path.write_bytes(
        ar_archive(
            ("debian-binary", b"2.0\n"),
            (f"control.tar{compression}", compress(tar_archive(inside))),
            (f"data.tar{compression}", compress(tar_archive(data))),
        )
    )
    return path


def ar_header(name: str, size: int) -> bytes:
    """Give what stands before a member of so many bytes in an ar archive."""
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{size:<10}`\n".encode()


def ar_archive(*members: tuple[str, bytes]) -> bytes:
    """Give an ar archive of members in their order."""
    out = bytearray(b"!<arch>\n")
    for name, body in members:
        out += ar_header(name, len(body))
        out += body + b"\n" * (len(body) % 2)
    return bytes(out)


def tar_archive(files: Mapping[str, bytes], *extra: tarfile.TarInfo) -> bytes:
    """Give a tar archive of files and their folders; `extra` are members without content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        made: set[str] = set()
        for path, body in files.items():
            for parent in reversed(Path(path).parents):
                name = f"./{parent}/" if str(parent) != "." else "./"
                if name not in made:
                    made.add(name)
                    folder = tarfile.TarInfo(name)
                    folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(folder)
            member = tarfile.TarInfo(path)
            member.size = len(body)
            member.mode = 0o755 if "/" not in path.removeprefix("./") and not path.endswith("control") else 0o644
            tar.addfile(member, io.BytesIO(body))
        for member in extra:
            tar.addfile(member)
    return out.getvalue()
