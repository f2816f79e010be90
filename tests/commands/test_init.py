"""A repository with a name of its own: made in the home, and nothing of it in the program's folder."""

import os
import re

import pytest
import yaml

from packages_app.services.setup.doctor import examine
from tests import prepared
from tests.stack import REPOSITORY


def manage(home, *arguments, **settings):
    environment = {"PATH": os.environ["PATH"], "REPOMGR_HOME": str(home), "APT_CHECK": "off", **settings}
    return prepared.run((prepared.MANAGE, *arguments), env=environment, cwd=home.parent)


def code_of(done):
    """The exit code and the code of the error that a command ended with."""
    return done.returncode, *re.findall(r'"code": "(\w+)"', done.stderr)


def files(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_configuration_is_made_whole_and_counts_from_then_on(tmp_path):
    home, before = tmp_path / "home", files(REPOSITORY / "config")
    url = "https://apt.example.org/deb"
    done = manage(home, "init", "--name", "Acmé: #1", "--suites", "trixie,edge", "--codename", "13", "--url", url,
                  "--architectures", "amd64,riscv64", "--origin", "Acme Inc")  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = yaml.safe_load((home / "config" / "repository.yaml").read_text())
    suites = [(suite["name"], suite["codename"], suite["architectures"]) for suite in said["suites"]]
    assert suites == [("trixie", "13", ["amd64", "riscv64"]), ("edge", "edge", ["amd64", "riscv64"])]
    assert (said["label"], said["origin"], said["keyring"]) == ("Acmé: #1", "Acme Inc", "acme-1-archive-keyring")
    done = manage(home, "first_start")
    assert done.returncode == 0, done.stderr
    assert (home / "bucket" / "acme-1-repo.deb").is_file()
    assert re.search("^ok   definitions: 1 in use: acme-1-repo", manage(home, "doctor").stdout, re.MULTILINE)
    assert url in (home / "bucket" / "index.html").read_text()
    assert files(REPOSITORY / "config") == before


def test_a_home_has_one_name_and_what_is_refused_leaves_it_as_it_was(tmp_path):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    assert code_of(manage(home, "init", "--name", "株式会社")) == (2, "name_refused")
    assert code_of(manage(home, "init", "--name", "A", REPOMGR_CONFIG=str(elsewhere))) == (2, "home_configured")
    other = {"PUBLIC_URL": "https://apt.example.org"}
    assert code_of(manage(home, "init", "--name", "A", "--url", "https://a.example", **other)) == (2, "address_refused")
    assert not home.exists()
    home.mkdir()
    (home / "signing-key.asc").write_text("of another name")
    assert code_of(manage(home, "init", "--name", "Acme")) == (2, "home_configured")
    (home / "signing-key.asc").unlink()
    (home / "repomgr.env").write_text("WORKERS=2")
    assert code_of(manage(home, "init", "--name", "Acme", "--url", "https://a.example")) == (0,)
    assert (home / "repomgr.env").read_text() == "WORKERS=2\nPUBLIC_URL=https://a.example\n"
    before = files(home)
    assert code_of(manage(home, "init", "--name", "Acme")) == (2, "home_configured")
    assert code_of(manage(home, "init", "--name", "Other", "--once")) == (2, "home_configured")
    assert code_of(manage(home, "init", "--name", "Acme", "--once")) == (0,)
    assert files(home) == before


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda folder: (folder / "copyright").unlink(), "copyright"),
        (lambda folder: (folder / "control").write_text("Package: @{nmae}\n"), "nmae"),
        (lambda folder: (folder / "second.sources").write_text(""), "second.sources"),
    ],
)
def test_the_doctor_fills_the_templates_of_the_configuration_which_stand_before_ours(embedded, harm, named):
    own = embedded.config / "templates" / "kiro-repo"
    own.mkdir(parents=True)
    for template in (REPOSITORY / "templates" / "kiro-repo").iterdir():
        (own / template.name).write_bytes(template.read_bytes())
    harm(own)
    [found] = [probed for probed in examine() if probed.name == "definitions"]
    assert (found.well, named in found.detail) == (False, True)
