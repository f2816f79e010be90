"""The line for unattended-upgrades in the bootstrap package, where its definition asks for that."""

import subprocess

import pytest
from django.conf import settings

from packages_app.core.ports import Silent
from packages_app.services import adapters
from packages_app.services.intake.build_bootstrap import build_into
from packages_app.services.intake.cautions import cautions_in
from packages_app.services.setup.faults import configuration_faults

pytestmark = pytest.mark.outside
NAME = "kiro-repo"


def test_unattended_upgrades_take_the_repositorys_where_its_definition_asks_for_that(embedded, tmp_path):
    file = embedded.config / "packages" / "kiro-repo.yaml"
    plain = file.read_text()
    asked = plain.replace("  copy:", "  unattended_upgrades: true\n  copy:")
    assert asked != plain
    file.write_text(asked)
    built = build_into(NAME, "1.0.0", tmp_path, settings.PUBLIC_URL, Silent())

    def codes():
        return {one.code for one in cautions_in(built.path, built.contents, adapters.definitions().by_name[NAME])}

    assert codes() == set()  # nobody's word is needed
    subprocess.run(["dpkg-deb", "--extract", built.path, tmp_path / "tree"], check=True)
    [conf] = (tmp_path / "tree/etc/apt/apt.conf.d").iterdir()
    dumped = subprocess.run(["apt-config", "-c", conf, "dump"], check=True, capture_output=True, text=True).stdout
    assert conf.name == "52unattended-upgrades-kiro-repo"
    assert 'Unattended-Upgrade::Origins-Pattern:: "origin=Kiro,label=Kiro,codename=stable";' in dumped.splitlines()
    embedded.configure(origin="Other")  # clients would take the upgrades of somebody else
    assert codes() == {"bootstrap_files"}
    embedded.configure(origin="Ki*")
    assert [(fault.file, fault.field) for fault in configuration_faults()] == [("kiro-repo.yaml", "source.templates")]
    embedded.configure(origin="Kiro")
    file.write_text(plain)
    assert codes() == {"bootstrap_files", "bootstrap_scripts"}
