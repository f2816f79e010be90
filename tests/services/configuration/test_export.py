"""Configuration of the table alone, and what is exported of it, publish the same bytes in an empty installation."""

import re
import shutil

import pytest

from packages_app.core.documents import REPOSITORY, Document, of_package
from packages_app.core.yaml_writer import written_yaml
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from tests.commands.calling import call, refused
from tests.debs import build_deb
from tests.stack import point_settings_at

DATES = re.compile(rb"^(Date|Valid-Until): .*\n", re.MULTILINE)


def keep(name, text):
    """Write a document as an earlier installation may have."""
    before = adapters.documents().document(name)
    version = before.version + 1 if before else 1
    adapters.documents().put(Document(name, version, text, "2026-01-02T03:04:05.000000Z", "ann"))
    adapters.configuration().look()


def into_the_table(stack):
    """Bring all that the files of a configuration say into the table, and remove the files."""
    for path in [*stack.config.glob("packages/*.yaml"), stack.config / "repository.yaml"]:
        keep(of_package(path.stem) if path.parent.name == "packages" else REPOSITORY, path.read_text())
        path.unlink()


def publish(stack):
    """Publish all suites; gives what clients see but for dates and what is signed with them."""
    call("force_rebuild")
    seen = {key: stack.bucket.read(key) for key, _ in stack.bucket.keys("")}
    signed = ("/InRelease", "/Release.gpg")
    return {key: DATES.sub(b"", body) for key, body in seen.items() if not key.endswith(signed) and "/pool/" not in key}


def an_empty_installation(settings, home, other, config=None):
    """Make an installation that has the other's key, and a configuration folder, or none."""
    home.mkdir()
    shutil.copy(other.home / "signing-key.asc", home)
    (home / "config/packages").mkdir(parents=True)
    if config is not None:
        shutil.copytree(config, home / "config", dirs_exist_ok=True)
    return home


@pytest.fixture
def by_table(embedded, tmp_path):
    """An installation without a file of configuration: suites, components and two packages by documents."""
    embedded.configure(
        origin="Acme", label="Acme", description="Packages of Acme", keyring="acme",
        suites=[{"components": ["main", "extra"]}, {"name": "testing", "codename": "testing", "version": "2"}],
    )  # fmt: skip
    embedded.define_uploads("tool", suites=["stable", "testing"])
    embedded.define_uploads("other", component="extra", allow=["essential"])
    into_the_table(embedded)
    return embedded


def take_in(stack, folder, tool="amd64", other="amd64"):
    for name, architecture in (("tool", tool), ("other", other)):
        essential = "yes" if (name, architecture) == ("other", "amd64") else "no"
        deb = build_deb(folder / name, name, "1.0", architecture, Essential=essential)
        stage_upload(deb, deb.name)
    assert {(job.state, job.error) for job in stack.run_jobs()} == {("done", "")}


def test_the_table_alone_and_the_exported_files_give_the_same_publication(by_table, settings, tmp_path):
    take_in(by_table, tmp_path / "debs")
    exported = tmp_path / "exported"
    said = call("export_config", exported)
    assert sorted(path.relative_to(exported).as_posix() for path in exported.rglob("*.yaml")) == [
        "packages/kiro-repo.yaml", "packages/other.yaml", "packages/tool.yaml", "repository.yaml",
    ]  # fmt: skip
    assert all(str(path) in said for path in exported.rglob("*.yaml"))
    expected = publish(by_table)
    assert b"Origin: Acme\n" in expected["dists/testing/Release"]
    assert b"Package: other\n" in expected["dists/stable/extra/binary-amd64/Packages"]

    of_table = an_empty_installation(settings, tmp_path / "of-table", by_table)
    shutil.copy(by_table.home / "package_table.sqlite3", of_table)
    shutil.copytree(by_table.home / "bucket/pool", of_table / "bucket/pool")
    assert publish(point_settings_at(settings, of_table)) == expected

    of_files = point_settings_at(settings, an_empty_installation(settings, tmp_path / "of-files", by_table, exported))
    assert adapters.documents().documents() == []
    take_in(of_files, tmp_path / "debs-again")
    assert publish(of_files) == expected


def test_a_file_with_what_the_table_adds_is_exported_as_one_file_that_publishes_the_same(embedded, settings, tmp_path):
    embedded.configure(origin="Acme", define="nobody")
    file = (embedded.config / "repository.yaml").read_bytes()
    testing = {"name": "testing", "codename": "next", "version": "2", "description": "Soon", "components": ["main"],
               "architectures": ["riscv64"], "valid_days": 3}  # fmt: skip
    stable = {"name": "stable", "components": ["extra"], "architectures": ["armhf"], "not_automatic": True}
    keep(REPOSITORY, written_yaml({"origin": "Not this", "label": "Nor this", "suites": [testing, stable]}))
    embedded.define_uploads("tool", suites=["stable", "testing"], architecture="all")
    embedded.define_uploads("other", component="extra", architecture="armhf")
    take_in(embedded, tmp_path / "debs", tool="all", other="armhf")
    exported = tmp_path / "exported"
    call("export_config", exported)
    assert (exported / "repository.yaml").read_bytes() != file
    expected = publish(embedded)
    release = expected["dists/stable/Release"]
    for line in (b"Origin: Acme", b"Label: Kiro", b"Architectures: amd64 arm64 armhf", b"NotAutomatic: yes"):
        assert line + b"\n" in release
    assert b"Package: other\n" in expected["dists/stable/extra/binary-armhf/Packages"]
    assert b"Package: tool\n" in expected["dists/testing/main/binary-riscv64/Packages"]

    with_both = an_empty_installation(settings, tmp_path / "with-both", embedded, embedded.config)
    shutil.copy(embedded.home / "package_table.sqlite3", with_both)
    shutil.copytree(embedded.home / "bucket/pool", with_both / "bucket/pool")
    assert publish(point_settings_at(settings, with_both)) == expected

    of_files = point_settings_at(settings, an_empty_installation(settings, tmp_path / "of-files", embedded, exported))
    assert adapters.documents().documents() == []
    take_in(of_files, tmp_path / "debs-again", tool="all", other="armhf")
    assert publish(of_files) == expected


def test_an_export_has_what_counts_and_writes_over_nothing(embedded, tmp_path):
    embedded.define_uploads("tool", description="By a file")
    file = (embedded.config / "packages/tool.yaml").read_bytes() + b"# a comment\n"
    (embedded.config / "packages/tool.yaml").write_bytes(file)
    keep(of_package("tool"), "name: tool\ndescription: overruled\n")
    keep(of_package("other"), file.decode().replace("name: tool", "name: other"))
    exported = tmp_path / "exported"
    call("export_config", exported)
    call("export_config", exported)  # the same again is no harm
    assert (exported / "packages/tool.yaml").read_bytes() == file
    assert (exported / "packages/other.yaml").read_bytes() == file.replace(b"name: tool", b"name: other")
    assert (exported / "repository.yaml").read_bytes() == (embedded.config / "repository.yaml").read_bytes()
    keep(of_package("other"), "")
    assert refused("export_config", exported).code == "export_refused"
    keep(of_package("third"), file.decode().replace("name: tool", "name: third"))
    (exported / "packages/other.yaml").unlink()
    (exported / "repository.yaml").write_text("origin: Another\n")
    assert refused("export_config", exported).code == "export_refused"
    assert not (exported / "packages/third.yaml").exists()
    assert call("export_config").count(str(embedded.home / "config-")) == 4
