"""Which apt the client tests run: the machine's own, or that of another Debian whose system stands in a folder.

The variable APT_ROOT names that folder; `make test-apt-versions` sets it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "APT_ROOT"

# $1 is the system's folder, $2 the folder that it shares with the machine, the rest the command. The mounts are of a
# namespace that ends with the command, so nothing is left mounted whatever becomes of it. Paths are the same inside.
_ENTER = """
for shared in /proc /dev "$2"; do mount --rbind "$shared" "$1$shared"; done
root=$1; shift 2; exec chroot "$root" "$@"
"""


@dataclass(frozen=True)
class AptRoot:
    """A Debian system whose apt and dpkg are run. `folder` is its root; the machine's is `/`."""

    folder: Path

    def command(self, *command: str, shared: Path) -> list[str]:
        """Give what runs a command in this system, where the machine's files below `shared` have their own paths."""
        if self.folder == Path("/"):
            return list(command)
        top = Path(*shared.resolve().parts[:2])
        (self.folder / top.relative_to("/")).mkdir(exist_ok=True)
        enter = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", _ENTER, "sh")
        return [*enter, str(self.folder), str(top), *command]

    @property
    def is_there(self) -> bool:
        """Whether there is an apt-get in it."""
        return (self.folder / "usr/bin/apt-get").exists()

    @property
    def status(self) -> Path:
        """The file that says which packages this system has."""
        return self.folder / "var/lib/dpkg/status"

    @property
    def version(self) -> str:
        """What apt calls its version, such as `2.6.2`."""
        return self._says("apt-get", "--version").split()[1]

    @property
    def major(self) -> int:
        """The first number of apt's version."""
        return int(self.version.partition(".")[0])

    @property
    def verifier(self) -> str:
        """What this apt checks signatures with: `sqv` where it has the method for that, else `gpgv`."""
        return "sqv" if (self.folder / "usr/lib/apt/methods/sqv").exists() else "gpgv"

    def _says(self, *command: str) -> str:
        line = self.command(*command, shared=Path(tempfile.gettempdir()))
        return subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout


def apt_root() -> AptRoot:
    """Give the system that APT_ROOT names, or the machine's; raises `FileNotFoundError` when the former is none."""
    named = os.environ.get(VARIABLE)
    if not named:
        return AptRoot(Path("/"))
    root = AptRoot(Path(named).resolve())
    if not root.is_there:
        raise FileNotFoundError(f"{VARIABLE}={named} holds no Debian system: there is no usr/bin/apt-get in it.")
    return root
