"""A Debian client in a scratch root: the real apt-get and dpkg, signature checks on, nothing of the machine touched."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from packages_app.core.ports import ObjectStore
from tests.apt.apt_root import apt_root


class AptClient:
    """A scratch root with its own sources, state and cache; `apt` is the system whose programs work on it."""

    def __init__(self, root: Path, *, without: tuple[str, ...] = ()) -> None:
        self.root = root
        self.apt = apt_root()
        for folder in (
            "etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d",
            "usr/share/keyrings", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg/updates",
            "var/lib/dpkg/info", "var/log/apt",
        ):  # fmt: skip
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "var/lib/dpkg/status").write_text(_installed_but(self.apt.status, without))
        self.config = root / "apt.conf"
        # Signed-By names an absolute path of the client's; the scratch root stands in front of it (see `use`).
        self.config.write_text(
            f'Dir "{root}";\nDir::State::status "{root}/var/lib/dpkg/status";\nAPT::Architecture "amd64";\n'
            'APT::Architectures { "amd64"; };\nAcquire::Languages "none";\nAPT::Sandbox::User "root";\n'
            'Acquire::Retries "0";\nDir::Bin::Methods "/usr/lib/apt/methods";\nDebug::NoLocking "true";\n'
            f'DPkg::Options {{ "--root={root}"; "--force-not-root"; "--force-script-chrootless"; }};\n'
        )

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command with this client's configuration; its output is in the error when it fails."""
        environment = {**os.environ, "APT_CONFIG": str(self.config), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        line = self.apt.command(*command, shared=self.root)
        done = subprocess.run(
            line, capture_output=True, text=True, errors="replace", env=environment, check=False, timeout=120
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} gave {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def apt_get(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("apt-get", "-y", *arguments, check=check)

    def update(self) -> str:
        """Run `apt-get update`; it must be clean: no error, no warning. Gives its output."""
        done = self.apt_get("update")
        said = done.stdout + done.stderr
        assert not [line for line in said.splitlines() if line.startswith(("W:", "E:", "Err:", "Ign:"))], said
        return said

    def refused(self) -> str:
        """Run `apt-get update`; it must find fault with what it reads. Gives its output."""
        done = self.apt_get("update", check=False)
        said = done.stdout + done.stderr
        assert [line for line in said.splitlines() if line.startswith(("W:", "E:"))], said
        return said

    def install_file(self, deb: Path) -> None:
        """Install a package into the scratch root with dpkg, its maintainer scripts included."""
        options = ("--root", str(self.root), "--force-not-root", "--force-script-chrootless", "--force-depends")
        self.run("dpkg", *options, "--install", str(deb))

    def use(self, sources: str) -> None:
        """Let apt read a `.sources` file of the scratch root, with its keyring found there."""
        path = self.root / "etc/apt/sources.list.d" / sources
        path.write_text(path.read_text().replace("Signed-By: /usr/", f"Signed-By: {self.root}/usr/"))

    def install_copy(self, bucket: ObjectStore, folder: Path) -> None:
        """Set it up as the instructions say: the package of the root, fetched into a folder and installed by dpkg."""
        copy = folder / "kiro-repo.deb"
        copy.write_bytes(bucket.read(copy.name))
        self.install_file(copy)
        self.use("kiro-repo.sources")

    def candidate(self, package: str) -> str:
        """Give the version that apt would install."""
        policy = self.run("apt-cache", "policy", package).stdout
        return next((line.split()[1] for line in policy.splitlines() if "Candidate:" in line), "")

    def installed(self, package: str) -> str:
        done = self.run("dpkg-query", f"--admindir={self.root}/var/lib/dpkg", "-Wf", "${Version}", package, check=False)
        return done.stdout


def _installed_but(status: Path, without: tuple[str, ...]) -> str:
    """Give a system's own status file less some packages, so that dependencies count as installed.

    What depends on those goes too: apt would find the client broken.
    """
    depends = re.compile(
        rf"^(?:Pre-)?Depends: (?:.*, )?(?:{'|'.join(map(re.escape, without))})(?:[ ,:]|$)", re.MULTILINE
    )
    named = tuple(f"Package: {name}\n" for name in without)
    stanzas = status.read_text().split("\n\n")
    return "\n\n".join(s for s in stanzas if not s.startswith(named) and not (without and depends.search(s)))
