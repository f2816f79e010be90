"""What apt and dpkg themselves say of packages, before anybody records them.

Our own reader is strict, and may still be wrong: one stanza that apt can't read takes its whole repository from every
client, and some make each later `apt-get` end by a signal. The programs that clients run are asked, with a root of
their own, once for a batch however many packages it has.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from packages_app.core.child_environment import child_environment
from packages_app.debian.apt_root import COMPLAINTS, make_root, run_in_root

Thing = TypeVar("Thing")
_SECONDS = 120.0
OF_PROCESSOR, _MORE_FOR_EACH = 10, 0.02
"""Seconds that apt may take of a processor, and for each package besides: it takes a tenth for one, half for 500. More
is what each client would spend at each run, whatever it installs."""
_KEPT = 500
"""So many characters of what a program says are told on."""
_BETWEEN = "\n" * 4
"""Blank lines between paragraphs: dpkg may name the line behind the one that it means."""
_ERROR = "dpkg: error: "
_REFUSED_LATER = re.compile(r"version (?:number|string)|revision number|in version")
"""What dpkg warns of in such a list, and refuses in a package: a version that is none. All else it goes on at."""
_SAID = re.compile(
    r"^dpkg: (?P<kind>error|warning): parsing file [^\n]{1,4200}? near line (?P<line>[0-9]{1,9})[^\n]*\n"
    r"(?P<why>(?: [^\n]*(?:\n|\Z))+)",
    re.MULTILINE,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Offered:
    """A package that is to be read: how apt names it, its control paragraph as it stands in it, and its stanza."""

    name: str
    version: str
    architecture: str
    control: str
    stanza: str


def complaints_of(packages: Sequence[Offered], architectures: Sequence[str]) -> dict[int, str]:
    """Return what dpkg or apt complains of, by the package's place among these; empty where all are sound.

    That apt takes very long over some is a complaint too. Programs that are not installed say nothing, nor do those
    that take over two minutes as the machine is busy. `architectures` are those that the packages are for, the first
    one a client's own.
    """
    found = _dpkgs(packages) if shutil.which("dpkg") else {}
    rest = [number for number in range(len(packages)) if number not in found]
    if shutil.which("apt-get"):
        spoiling = spoilers([packages[number] for number in rest], lambda some: complaint_of_apt(some, architectures))
        found |= {rest[place]: why for place, why in spoiling.items()}
    return found


def spoilers(things: Sequence[Thing], judge: Callable[[Sequence[Thing]], str]) -> dict[int, str]:
    """Return the fewest found of things that a judge complains of, by their place, each with the complaint.

    `judge` says "" of things that are sound together. It is asked about halves: some 2 log2(n) times for each found.
    Of things that only together are complained of the last one counts as what spoils them.
    """
    found: dict[int, str] = {}
    sound: list[int] = []
    waiting = [list(range(len(things)))] if things else []
    while waiting:
        some = waiting.pop()
        why = judge([things[place] for place in sorted(sound + some)])
        if not why:
            sound += some
        elif len(some) == 1:
            found[some[0]] = why
        else:
            middle = len(some) // 2
            waiting += [some[middle:], some[:middle]]
    return dict(sorted(found.items()))


def complaint_of_apt(
    packages: Sequence[Offered], architectures: Sequence[str], *, of_processor: int = OF_PROCESSOR
) -> str:
    """Return what apt complains of when these are all that there is: reading them, an upgrade, or installing them.

    "" where it reads them. That a package can't be installed, as its dependencies are elsewhere, is no complaint; that
    apt takes more seconds `of_processor` is one.
    """
    if not packages:
        return ""
    with tempfile.TemporaryDirectory(prefix="repomgr-apt-") as folder:
        root, lists = Path(folder) / "root", Path(folder) / "Packages"
        make_root(root, architectures)
        lists.write_text("\n".join(package.stanza for package in packages), encoding="utf-8")
        return _complaint_of_lists(root, lists, packages, of_processor + int(len(packages) * _MORE_FOR_EACH))


def _complaint_of_lists(root: Path, lists: Path, packages: Sequence[Offered], of_processor: int) -> str:
    simulated = ("apt-get", "--simulate", "--with-source", str(lists))
    run = partial(run_in_root, root, *simulated, seconds=_SECONDS, of_processor=of_processor)
    try:
        read = run("upgrade")
        said = [line for line in f"{read.stdout}\n{read.stderr}".splitlines() if line.startswith(COMPLAINTS)]
        if read.returncode < 0:
            return f"apt-get upgrade ends by {_signal(read)}"
        if read.returncode or said:
            return f"apt says: {' '.join(said)[:_KEPT]}"
        named = [f"{package.name}:{package.architecture}={package.version}" for package in packages]
        installed = run("install", *named)
    except subprocess.TimeoutExpired:
        log.warning("reader_took_too_long", reader="apt-get", packages=len(packages))
        return ""
    return f"apt-get install ends by {_signal(installed)}" if installed.returncode < 0 else ""


def _signal(ended: subprocess.CompletedProcess[str]) -> str:
    name = signal.Signals(-ended.returncode).name
    return f"{name}: it takes too long" if name == "SIGXCPU" else name


def _dpkgs(packages: Sequence[Offered]) -> dict[int, str]:
    """Return what dpkg says of control paragraphs, read as it reads lists of what is available (dpkg(1)).

    It ends at the first that it can't read: that one is left out, and it is asked again.
    """
    found: dict[int, str] = {}
    with tempfile.TemporaryDirectory(prefix="repomgr-dpkg-") as folder:
        database = Path(folder)
        for name in ("info", "updates", "triggers", "parts"):
            (database / name).mkdir()
        (database / "status").touch()
        while len(found) < len(packages):
            rest = [number for number in range(len(packages)) if number not in found]
            done, begins = _read_by_dpkg(database, [packages[number].control for number in rest])
            complaints = {
                rest[bisect_right(begins, int(said["line"])) - 1]: said
                for said in _SAID.finditer(done)
                if said["kind"] == "error" or _REFUSED_LATER.search(said["why"])
            }
            found |= {number: f"dpkg says: {_told(said)}" for number, said in complaints.items()}
            if not any(said["kind"] == "error" for said in complaints.values()):
                if _ERROR in done and not complaints:
                    log.warning("reader_failed", reader="dpkg", said=done[-_KEPT:])
                break
    return found


def _read_by_dpkg(database: Path, paragraphs: Sequence[str]) -> tuple[str, list[int]]:
    """Return what dpkg says of paragraphs, and the numbers of the lines at which they begin."""
    begins, text, line = [], [], 1
    for paragraph in paragraphs:
        begins.append(line)
        text.append(f"{paragraph}\n{_BETWEEN}")
        line += paragraph.count("\n") + 1 + len(_BETWEEN)
    available, lists = database / "available", database / "Packages"
    available.write_bytes(b"")
    lists.write_text("".join(text), encoding="utf-8")
    command = ("dpkg", f"--admindir={database}", "--update-avail", str(lists))
    environment = child_environment(HOME=str(database))
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        log.warning("reader_took_too_long", reader="dpkg", packages=len(paragraphs))
        return "", begins
    return done.stderr, begins


def _told(said: re.Match[str]) -> str:
    """Return what dpkg says, without the name of our own file."""
    return " ".join(line.strip(" ") for line in said["why"].splitlines())[:_KEPT]
