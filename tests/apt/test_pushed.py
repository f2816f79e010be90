"""Real `curl -T`, dput-ng and dput push real packages, which a real apt-get then installs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest
import yaml

from packages_app.signing.openpgp import generate_key
from repomgr.servers.process import wait_until
from tests.apt.client import AptClient
from tests.apt.running import running
from tests.debs import build_deb

NEW = ("dput-ng", "python3-dput", "python3-debian", "python3-gpg", "python3-xdg", "python3-pkg-resources",
       "python3-chardet")  # fmt: skip
SETUP = """
from django.contrib.auth import get_user_model
from packages_app.services.access.uploader_keys import add_key
from packages_app.services.rights.tokens import make_token
owner = get_user_model().objects.filter(is_superuser=True).first()
add_key(open({key!r}).read(), owner)
print("SECRET", make_token("ci", owner, actions=["upload"])[1])
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Debian's dput-ng and dput, which can't be installed together, unpacked; gives the folder of each."""
    folder = tmp_path_factory.mktemp("programs")
    folder.chmod(0o777)  # apt's own user writes here
    said = subprocess.run(["apt-cache", "depends", "python3-gpg"], check=True, capture_output=True, text=True).stdout
    library = next(word for word in said.split() if word.startswith("libgpgme"))
    subprocess.run(["apt-get", "download", "dput", *NEW, library], cwd=folder, check=True, capture_output=True)
    for deb in folder.glob("*.deb"):
        both = ("dput",) if deb.name.startswith("dput_") else ("dput-ng",)
        for name in both if "dput" in deb.name else ("dput", "dput-ng"):
            subprocess.run(["dpkg-deb", "-x", deb, folder / name], check=True)
    return folder


@pytest.fixture(scope="module")
def product(tmp_path_factory, migrated):
    with running(tmp_path_factory.mktemp("product"), database=migrated) as product:
        for name in ("by-curl", "by-dput-ng", "by-dput"):
            definition = {
                "name": name, "description": name, "maintainer": "Test <test@example.org>", "section": "misc",
                "homepage": "https://example.org", "priority": "optional", "architecture": "all",
                "source": {"type": "build_script", "staging_prefix": name},
            }  # fmt: skip
            (product.config / "packages" / f"{name}.yaml").write_text(yaml.safe_dump(definition))
        yield product


@pytest.fixture(scope="module")
def gnupg():
    """A person's gpg with a key; the sockets of its agent want a short path."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        environment = {**os.environ, "GNUPGHOME": home}
        key = generate_key("Ann <ann@example.org>").encode()
        subprocess.run(["gpg", "--batch", "--import"], input=key, env=environment, check=True, capture_output=True)
        public = subprocess.run(["gpg", "--armor", "--export"], env=environment, check=True, capture_output=True).stdout
        (Path(home) / "public.asc").write_bytes(public)
        yield environment
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)


def signed_changes(folder: Path, name: str, environment: dict[str, str]) -> Path:
    """Build a package, and make its .changes as dpkg-buildpackage and debsign do."""
    deb = build_deb(folder, name, "1.0", "all", files={f"usr/share/{name}": os.urandom(300_000)})
    (folder / "debian").mkdir()
    source = f"Source: {name}\nMaintainer: Ann <ann@example.org>\nSection: misc\nPriority: optional\n"
    (folder / "debian/control").write_text(f"{source}\nPackage: {name}\nArchitecture: all\nDescription: x\n x\n")
    by = "Ann <ann@example.org>  Sun, 01 Nov 2026 10:00:00 +0000"
    (folder / "debian/changelog").write_text(f"{name} (1.0) unstable; urgency=low\n\n  * One.\n\n -- {by}\n")
    (folder / "debian/files").write_text(f"{deb.name} misc optional\n")
    made = subprocess.run(["dpkg-genchanges", "-b", f"-u{folder}"], cwd=folder, check=True, capture_output=True)
    changes = folder / f"{name}_1.0_all.changes"
    changes.write_bytes(
        subprocess.run(
            ["gpg", "--clearsign"], input=made.stdout, env=environment, check=True, capture_output=True
        ).stdout
    )
    return changes


def dput(folder: Path, which: str, config: dict[str, object], changes: Path, environment: dict[str, str], secret: str):
    """Run one of the two; the token is typed where it asks for one."""
    home = changes.parent / "home"
    shutil.copytree(folder / "dput-ng/usr/share/dput-ng", home / ".dput.d")
    shutil.copytree(folder / "dput-ng/usr/share/dput-ng", changes.parent / "skel")  # where its schemas may lie, too
    shutil.copytree(folder / "dput-ng/etc/dput.d/profiles", home / ".dput.d/profiles", dirs_exist_ok=True)
    (home / ".dput.d/profiles/apt.json").write_text(json.dumps(config))
    lines = "\n".join(f"{name} = {value}" for name, value in config.items())
    if which == "dput":  # dput-ng would read it too
        (home / ".dput.cf").write_text(f"[apt]\n{lines}\n")
    root = folder / which
    [libraries] = [path.parent for path in root.glob("usr/lib/*/libgpgme.so.*") if path.is_symlink()][:1]
    paths = f"{root}/usr/share/dput:{root}/usr/lib/python3/dist-packages"
    return subprocess.run(
        ["/usr/bin/python3", root / "usr/bin/dput", "-d", "apt", changes.name], cwd=changes.parent, text=True,
        env={**environment, "HOME": str(home), "PYTHONPATH": paths, "LD_LIBRARY_PATH": str(libraries)},
        input=f"{secret}\n", capture_output=True, check=False, timeout=60, start_new_session=True,
    )  # fmt: skip


def test_what_machines_push_is_installed(product, programs, gnupg, tmp_path):
    [key] = Path(gnupg["GNUPGHOME"]).glob("public.asc")
    secret = product.manage("shell", "-c", SETUP.format(key=str(key))).stdout.split("SECRET ")[1].strip()
    host = product.url.removeprefix("http://")
    by = {"method": "http", "incoming": "/dput/-", "allow_unsigned_uploads": 0}
    configs = {
        "dput-ng": {**by, "fqdn": f"http://token:{secret}@{host}", "meta": "none", "hooks": [], "interface": "cli"},
        "dput": {**by, "fqdn": host, "login": "token"},
    }
    for which, config in configs.items():
        folder = tmp_path / which
        folder.mkdir()
        changes = signed_changes(folder, f"by-{which}", gnupg)
        done = dput(programs, which, config, changes, gnupg, secret)
        assert done.returncode == 0, done.stdout + done.stderr
    deb = build_deb(tmp_path, "by-curl", "1.0", "all")
    header = f"Authorization: Bearer {secret}"
    subprocess.run(["curl", "-sfT", deb, "-H", header, f"{product.url}/upload/-/-/{deb.name}?wait=60"], check=True)
    client = AptClient(tmp_path / "client", without=("kiro-repo",))
    bootstrap = tmp_path / "kiro-repo.deb"
    bootstrap.write_bytes(httpx.get(f"{product.public_url}/kiro-repo.deb").content)
    client.install_file(bootstrap)
    client.use("kiro-repo.sources")
    names = ("by-curl", "by-dput-ng", "by-dput")
    wait_until(lambda: bool(client.update()) and all(client.candidate(name) == "1.0" for name in names), "publications")
    client.apt_get("install", *names)
    assert [client.installed(name) for name in names] == ["1.0"] * 3
