"""The bootstrap package, with the real dpkg in a scratch root (R2-R3, R5)."""

import hashlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from packages_app.core.errors import BuildFailed
from packages_app.debian.bootstrap import BootstrapValues, build_bootstrap_deb
from packages_app.debian.deb_file import open_deb
from tests.debs import build_deb

pytestmark = pytest.mark.outside

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "kiro-repo"
DATE = 1767225600
VALUES = BootstrapValues(
    name="kiro-repo",
    version="1.0.0",
    architecture="all",
    maintainer="Kiro Team <support@example.org>",
    section="admin",
    priority="optional",
    homepage="https://example.org",
    description="APT source and signing key",
    repository_url="https://apt.example.org",
    suite="stable",
    components="main",
    keyring="kiro-archive-keyring",
    replaces=("/etc/apt/sources.list.d/kiro.list",),
)
SCRIPTS = {"preinst": "27a6379fcc41", "postinst": "b53a370371d5", "prerm": "6640e7b397a3", "postrm": "fbeec3dc2ca1"}
"""The beginnings of the SHA256 of the scripts of kiro-repo as they were when the template named Kiro's list."""


def build(folder, keyring=b"key", **values):
    folder.mkdir(parents=True, exist_ok=True)
    return build_bootstrap_deb(TEMPLATES, replace(VALUES, **values), keyring, folder, source_date_epoch=DATE)


class Root:
    """A scratch root with dpkg's own state."""

    def __init__(self, path):
        self.path = path
        for folder in ("var/lib/dpkg/updates", "var/lib/dpkg/info", "etc/apt/sources.list.d"):
            (path / folder).mkdir(parents=True)
        (path / "var/lib/dpkg/status").touch()
        self.sources = path / "etc/apt/sources.list.d/kiro-repo.sources"
        self.keyring = path / "usr/share/keyrings/kiro-archive-keyring.gpg"

    def dpkg(self, *arguments):
        options = (f"--root={self.path}", "--force-not-root", "--force-script-chrootless")
        done = subprocess.run(["dpkg", *options, *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def files(self):
        found = (path for path in self.path.rglob("*") if path.is_file())
        return sorted(str(p.relative_to(self.path)) for p in found if "var/lib/dpkg" not in str(p))


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path / "root")


def test_the_same_input_gives_the_same_bytes(tmp_path):
    first, second = build(tmp_path / "a"), build(tmp_path / "b")
    assert first.name == "kiro-repo_1.0.0_all.deb"
    assert first.read_bytes() == second.read_bytes()
    assert open_deb(first).control["Version"] == "1.0.0"


def test_it_installs_the_source_and_the_keyring(tmp_path, root):
    root.dpkg("--install", build(tmp_path))
    text = root.sources.read_text()
    assert "URIs: https://apt.example.org\nSuites: stable\nComponents: main\n" in text
    assert "Signed-By: /usr/share/keyrings/kiro-archive-keyring.gpg" in text
    assert "Enabled: yes" in text
    assert root.keyring.read_bytes() == b"key"


def test_an_upgrade_brings_source_and_keyring_up_to_date(tmp_path, root):
    root.dpkg("--install", build(tmp_path / "a"))
    root.dpkg("--install", build(tmp_path / "b", b"new", version="1.1.0", repository_url="https://new.example.org"))
    assert "URIs: https://new.example.org" in root.sources.read_text()
    assert root.keyring.read_bytes() == b"new"


def test_an_upgrade_keeps_a_source_that_an_administrator_switched_off(tmp_path, root):
    root.dpkg("--install", build(tmp_path / "a"))
    root.sources.write_text(root.sources.read_text().replace("Enabled: yes", "Enabled: no"))
    root.dpkg("--install", build(tmp_path / "b", version="1.1.0", repository_url="https://new.example.org"))
    assert "Enabled: no" in root.sources.read_text()
    assert "URIs: https://new.example.org" in root.sources.read_text()


def test_an_old_unsigned_list_goes(tmp_path, root):
    old = root.path / "etc/apt/sources.list.d/kiro.list"
    old.write_text("deb [trusted=yes] https://old.example.org stable main\n")
    root.dpkg("--install", build(tmp_path))
    assert not old.exists()


OLD_LIST = "deb [trusted=yes] https://old.example.org stable main\n"


@pytest.mark.parametrize("conffile", [True, False])
@pytest.mark.parametrize("edited", [True, False])
def test_an_upgrade_from_a_package_that_shipped_the_unsigned_list(tmp_path, root, conffile, edited):
    scripts = {"conffiles": "/etc/apt/sources.list.d/kiro.list\n"} if conffile else {}
    files = {"etc/apt/sources.list.d/kiro.list": OLD_LIST.encode()}
    root.dpkg("--install", build_deb(tmp_path / "old", "kiro-repo", "0.9.0", "all", files=files, scripts=scripts))
    old = root.path / "etc/apt/sources.list.d/kiro.list"
    if edited:
        old.write_text(OLD_LIST.replace("stable", "stable testing"))
    root.dpkg("--install", build(tmp_path))
    left = [path for path in root.files() if path.startswith("etc/")]
    # Only an unedited conffile is known to hold nothing of the administrator's. apt reads no .dpkg-bak.
    backup = ["etc/apt/sources.list.d/kiro.list.dpkg-bak"] if edited or not conffile else []
    assert left == ["etc/apt/sources.list.d/kiro-repo.sources", *backup]
    root.dpkg("--purge", "kiro-repo")
    assert root.files() == []


def test_the_file_of_unattended_upgrades_is_an_administrators_and_goes_when_it_is_no_more_asked_for(tmp_path, root):
    asked = {"name": "acme.repo", "replaces": (), "apt_conf": 'Unattended-Upgrade::Origins-Pattern { "origin=A"; };'}
    root.dpkg("--install", build(tmp_path / "1", **asked))
    file = root.path / "etc/apt/apt.conf.d/52unattended-upgrades-acme-repo"  # apt reads no name with another period
    assert asked["apt_conf"] in file.read_text().splitlines()
    file.write_text("// mine\n")
    root.dpkg("--install", build(tmp_path / "2", version="1.1.0", **asked))
    assert file.read_text() == "// mine\n"
    file.unlink()
    root.dpkg("--install", "--force-confmiss", build(tmp_path / "3", version="1.2.0", **asked))
    assert file.exists()
    root.dpkg("--install", build(tmp_path / "4", name="acme.repo", version="1.3.0", replaces=(), drops_apt_conf=True))
    assert not file.exists()
    root.dpkg("--install", build(tmp_path / "5", version="1.4.0", **asked))
    assert file.exists()
    root.dpkg("--purge", "acme.repo")
    assert not file.exists()


def test_a_purge_leaves_nothing(tmp_path, root):
    root.dpkg("--install", build(tmp_path))
    root.dpkg("--remove", "kiro-repo")
    assert not root.sources.exists()
    root.dpkg("--purge", "kiro-repo")
    assert root.files() == []


def test_lintian_finds_no_errors(tmp_path):
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    command = ["lintian", "--fail-on", "error", "--allow-root", str(build(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_template_with_a_fault_is_named(tmp_path):
    templates = tmp_path / "templates"
    shutil.copytree(TEMPLATES, templates)
    (templates / "control").write_text("Package: @{colour}\n")
    with pytest.raises(BuildFailed, match=r"\bcontrol\b.*\bcolour\b"):
        build_bootstrap_deb(templates, VALUES, b"", tmp_path, source_date_epoch=DATE)
    (templates / "control").unlink()
    with pytest.raises(BuildFailed, match=r"\bcontrol\b") as failed:
        build_bootstrap_deb(templates, VALUES, b"", tmp_path, source_date_epoch=DATE)
    assert str(templates) in failed.value.remedy
    assert list(tmp_path.glob("*.deb")) == []


def test_what_dpkg_deb_refuses_leaves_no_file(tmp_path):
    with pytest.raises(BuildFailed, match="dpkg-deb failed"):
        build(tmp_path, name="Not_A_Name")
    assert list(tmp_path.glob("*.deb")) == []


def test_the_template_names_nothing_that_the_definition_does_not(tmp_path):
    build(tmp_path, name="acme-repo", keyring=b"key", replaces=())
    done = subprocess.run(["dpkg-deb", "--ctrl-tarfile", next(tmp_path.glob("*.deb"))], capture_output=True, check=True)
    assert b"kiro" not in done.stdout.replace(b"kiro-archive-keyring", b"")
    assert b"rm_conffile" not in done.stdout
    assert b"preinst" not in done.stdout, "it would do nothing"


def test_another_companys_list_of_that_name_stays(tmp_path, root):
    theirs = root.path / "etc/apt/sources.list.d/kiro.list"
    theirs.write_text("deb [trusted=yes] https://old.example.org stable main\n")
    root.dpkg("--install", build(tmp_path, name="acme-repo", replaces=()))
    assert theirs.exists()
    root.dpkg("--purge", "acme-repo")
    assert theirs.exists()


def test_the_bytes_of_kiros_package_are_those_of_before(tmp_path):
    scripts = tmp_path / "scripts"
    subprocess.run(["dpkg-deb", "--control", build(tmp_path), scripts], check=True)
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in scripts.iterdir()}
    assert {name: digests.get(name) for name in SCRIPTS} == SCRIPTS
