"""The system of Debian trixie in a cache folder, made once with debootstrap: `python -m tests.apt.trixie` tells where.

Its apt is version 3, which checks signatures with sqv.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUITE = "trixie"
# Debian's main archive as this machine's own apt reads it: no mirror is named here.
_MIRROR_FIELDS = ("Identifier: Packages", "Origin: Debian", "Label: Debian")


class NoTrixie(Exception):
    """The system can't be made on this machine; says why and what to do."""


def trixie(cache: Path) -> Path:
    """Give the folder of a trixie below `cache`; when there is none, or a broken one, it is made.

    Takes a minute and about 200 MB. Of several that ask at once, one makes it. Raises `NoTrixie`.
    """
    if os.getuid() != 0:
        raise NoTrixie("debootstrap and chroot need root: run this as root.")
    folder = cache / f"apt-{SUITE}"
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / f".apt-{SUITE}.lock"):
        if not is_whole(folder):
            draft = cache / f".apt-{SUITE}.draft"
            _remove(draft)
            _make(draft)
            _remove(folder)
            draft.rename(folder)
    return folder


def is_whole(folder: Path) -> bool:
    """Say whether an apt 3 and an sqv run in this system."""
    runs = (_output("chroot", str(folder), *command) for command in (("apt-get", "--version"), ("sqv", "--version")))
    return all(said.startswith(wanted) for said, wanted in zip(runs, ("apt 3.", "sqv "), strict=True))


def _make(draft: Path) -> None:
    """Make the system; a namespace of its own sees to it that nothing stays mounted in it."""
    sys.stderr.write(f"Making a {SUITE} in {draft.parent} for its apt, once: about a minute.\n")
    options = ("--variant=minbase", "--include=apt,sqv")
    command = ["unshare", "--mount", "debootstrap", *options, SUITE, str(draft), _mirror()]
    if shutil.which("debootstrap") is None:
        raise NoTrixie("debootstrap is not installed: apt install debootstrap")
    done = subprocess.run(command, env={**os.environ, **_proxy()}, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not is_whole(draft):
        last = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise NoTrixie(f"debootstrap gave {done.returncode}, and {SUITE} is not whole:\n{last}")
    _output("chroot", str(draft), "apt-get", "clean")


def _mirror() -> str:
    found = _output("apt-get", "indextargets", "--format", "$(REPO_URI)", *_MIRROR_FIELDS).split()
    if not found:
        raise NoTrixie("This machine's apt knows no archive of Debian's: run apt-get update on a Debian machine.")
    return found[0]


def _proxy() -> dict[str, str]:
    """Give the proxy that apt goes through, for debootstrap's wget."""
    proxy = _output("apt-config", "dump", "--format", "%v%n", "Acquire::http::Proxy").partition("\n")[0]
    return {"http_proxy": proxy} if proxy.startswith("http") else {}


def _output(*command: str) -> str:
    """Give what a command prints; nothing when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout if done.returncode == 0 else ""


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    cache = Path(os.environ.get("REPOMGR_CACHE") or Path.home() / ".cache" / "repomgr")
    try:
        sys.stdout.write(f"{trixie(cache.resolve())}\n")
    except NoTrixie as missing:
        sys.exit(str(missing))
