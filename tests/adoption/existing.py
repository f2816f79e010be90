"""Repositories as other tools make them, of real packages, signed with a key of the test's own."""

from __future__ import annotations

import gzip
import lzma
import os
import subprocess
from collections.abc import Callable, Iterable
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.loopback import LoopbackServer


class ExistingRepository:
    """A folder with a repository in it, and the key that it is signed with."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.signer = OpenPgpSigner(generate_key("Their archive"))
        root.mkdir(parents=True, exist_ok=True)

    def keyring(self, folder: Path) -> Path:
        path = folder / "their-keyring.gpg"
        path.write_bytes(self.signer.public_keyring())
        return path

    def sign(self, folder: str, *, detached: bool = False) -> None:
        """Sign the Release of a folder anew: InRelease, or Release.gpg."""
        place = self.root / folder
        text = (place / "Release").read_bytes()
        (place / "InRelease").unlink(missing_ok=True)
        if detached:
            (place / "Release.gpg").write_bytes(self.signer.sign_detached(text))
        else:
            (place / "InRelease").write_bytes(self.signer.sign_clear(text))
            (place / "Release").unlink()

    def release(self, folder: str, *, detached: bool = False, fields: str = "") -> None:
        """Make a folder's Release with apt-ftparchive, with some fields more, and sign it."""
        for name in ("Release", "InRelease", "Release.gpg"):
            (self.root / folder / name).unlink(missing_ok=True)
        text = _run("apt-ftparchive", "release", folder, cwd=self.root)
        (self.root / folder / "Release").write_text(f"Origin: Theirs\nSuite: {Path(folder).name}\n{fields}{text}")
        self.sign(folder, detached=detached)


def plain(root: Path, debs: Iterable[Path], *, suite: str = "stable", component: str = "main") -> ExistingRepository:
    """Make what `apt-ftparchive` makes of a pool laid out as Debian's, in gz and xz."""
    repository = ExistingRepository(root)
    for deb in debs:
        name = deb.name.partition("_")[0]
        _link(deb, root / "pool" / component / name[0] / name / deb.name)
    index(repository, suite, component)
    return repository


def index(repository: ExistingRepository, suite: str, component: str, *, forms: str = "gz xz") -> None:
    """Make the amd64 index of what lies in the pool of a component, and Release."""
    folder = repository.root / "dists" / suite / component / "binary-amd64"
    folder.mkdir(parents=True, exist_ok=True)
    text = _run("apt-ftparchive", "packages", f"pool/{component}", cwd=repository.root)
    write_index(folder, text, forms)
    repository.release(f"dists/{suite}")


def write_index(folder: Path, text: str, forms: str = "gz xz") -> None:
    """Write Packages in some forms."""
    makers: dict[str, Callable[[bytes], bytes]] = {"gz": partial(gzip.compress, mtime=0), "xz": lzma.compress}
    (folder / "Packages").write_text(text)
    for form in forms.split():
        (folder / f"Packages.{form}").write_bytes(makers[form](text.encode()))


def flat(root: Path, debs: Iterable[Path]) -> ExistingRepository:
    """Make a folder of packages with its Packages beside them, as `dpkg-scanpackages .` does."""
    repository = ExistingRepository(root)
    for deb in debs:
        _link(deb, root / deb.name)
    write_index(root, _run("apt-ftparchive", "packages", ".", cwd=root))
    repository.release(".")
    return repository


def deb_s3(root: Path, debs: Iterable[Path]) -> ExistingRepository:
    """Make what deb-s3 makes: a pool without components, `pool/k/ki/…`, and gz beside the uncompressed index."""
    repository = ExistingRepository(root)
    for deb in debs:
        name = deb.name.partition("_")[0]
        _link(deb, root / "pool" / name[0] / name[:2] / deb.name)
    folder = root / "dists" / "stable" / "main" / "binary-amd64"
    folder.mkdir(parents=True)
    write_index(folder, _run("apt-ftparchive", "packages", "pool", cwd=root), "gz")
    repository.release("dists/stable")
    return repository


def reprepro(root: Path, debs: Iterable[Path]) -> ExistingRepository:
    """Let reprepro make it."""
    repository = ExistingRepository(root)
    (root / "conf").mkdir()
    (root / "conf" / "distributions").write_text("Codename: stable\nComponents: main\nArchitectures: amd64\n")
    for deb in debs:
        _run("reprepro", "-b", str(root), "includedeb", "stable", str(deb), cwd=root)
    repository.sign("dists/stable")
    return repository


def aptly(root: Path, debs: Iterable[Path]) -> ExistingRepository:
    """Let aptly make it."""
    repository = ExistingRepository(root / "public")
    config = root / "aptly.conf"
    config.write_text(f'{{"rootDir": "{root}", "gpgDisableSign": true, "architectures": ["amd64"]}}')
    run = partial(_run, "aptly", f"-config={config}", cwd=root)
    run("repo", "create", "-distribution=stable", "-component=main", "theirs")
    run("repo", "add", "theirs", *map(str, debs))
    run("publish", "repo", "-skip-signing", "theirs")
    repository.sign("dists/stable")
    return repository


class Served(LoopbackServer):
    """A folder behind HTTP, as a plain web server gives it; `asked` are the paths, `hook` is told each before."""

    def __init__(self, root: Path, hook: Callable[[str], None] = lambda _path: None) -> None:
        self.asked: list[str] = []
        served = self

        class Files(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked.append(self.path)
                hook(self.path)
                if "+" in self.path:  # S3 reads it as a space
                    self.send_error(404)
                    return
                super().do_GET()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        super().__init__(partial(Files, directory=str(root)))

    def debs(self) -> list[str]:
        return [path for path in self.asked if path.endswith(".deb")]


def _link(deb: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(deb, target)


def _run(*command: str, cwd: Path) -> str:
    environment = {**os.environ, "HOME": str(cwd), "LC_ALL": "C"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
