"""Fields of Release by setting, as apt's own policy, changelog and key checks read them."""

import html
import re
from dataclasses import replace

import pytest

from packages_app.core.errors import CandidateHeld
from packages_app.core.ports import Silent
from packages_app.publishing.root import origins_pattern
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.publication.publish import publish
from packages_app.services.setup.doctor import examine
from packages_app.signing.openpgp import generate_key
from tests.apt.archive import IN_RELEASE, keyring_of, new_client
from tests.debs import build_deb

SUITES = {
    "stable": (500, {}),
    "backports": (100, {"not_automatic": True, "but_automatic_upgrades": True}),
    "edge": (1, {"not_automatic": True, "changelogs": "https://apt.example.org/c/@CHANGEPATH@_changelog"}),
}


def key_is_well():
    [probed] = [probed for probed in examine() if probed.name == "signing key"]
    return probed.well


def test_apt_pins_what_is_not_automatic_and_installs_it_when_asked(archive):
    archive.stack.configure(suites=[{"name": name, "codename": name, **said} for name, (_, said) in SUITES.items()])
    archive.stack.define_uploads("tool", suites=list(SUITES))
    for name in ("backports", "edge"):
        archive.stack.define_uploads("tool", suites=[name])
        deb = build_deb(archive.folder / name, "tool", "3.0" if name == "edge" else "2.0")
        stage_upload(deb, deb.name, wake_worker=False)
        assert {job.state for job in archive.stack.run_jobs()} == {"done"}
    client = new_client(archive.folder / "client-pins", archive.server)
    lines = [f"deb [signed-by={keyring_of(client)}] {archive.server.url} {name} main\n" for name in SUITES]
    (client.root / "etc/apt/sources.list.d/archive.list").write_text("".join(lines))
    client.update()
    policy = client.run("apt-cache", "policy").stdout
    pins = {
        name: int(pin) for pin, name in re.findall(rf"^ *(\d+) {archive.server.url} (\w+)/main", policy, re.MULTILINE)
    }
    assert pins == {name: pin for name, (pin, _) in SUITES.items()}
    assert client.candidate("tool") == "1.0"
    client.apt_get("install", "tool/backports")
    assert client.installed("tool") == "2.0"  # from where it is upgraded by itself, and never to edge
    assert client.candidate("tool") == "2.0"
    asked = client.run("apt-get", "changelog", "--print-uris", "tool=3.0").stdout
    assert "https://apt.example.org/c/main/t/tool/tool_3.0_changelog" in asked


def held():
    """Give the codes for which the suite's publication is held back."""
    with pytest.raises(CandidateHeld) as refused:
        publish("stable", Silent())
    return {finding.code for finding in refused.value.findings}


def test_signed_by_admits_our_key_or_clients_get_no_release_that_would_lock_them_out(archive, settings):
    ours = adapters.signer().fingerprint
    for said, well in (([ours.lower(), "A" * 40], True), (["A" * 40], False), ([f"{ours}!"], False)):
        archive.stack.configure(suites=[{"name": "stable", "codename": "stable", "signed_by": said}])
        assert key_is_well() is well, said
        if not well:
            assert held() == {"signed_by"}
    archive.stack.configure(suites=[{"name": "stable", "codename": "stable", "signed_by": ["A" * 40, ours]}])
    publish("stable", Silent())
    assert f"Signed-By: {'A' * 40},{ours}\n" in archive.stack.bucket.read(IN_RELEASE).decode()
    archive.client.update()
    publish("stable", Silent())
    archive.client.update()
    # What clients have counts too: a key that it does not name must not sign alone, whatever is said from now on.
    settings.SIGNING_KEY = generate_key("Next")
    others = [adapters.signer().fingerprint, ours]
    archive.stack.configure(suites=[{"name": "stable", "codename": "stable", "signed_by": others}])
    assert held() == {"signing_key_changed", "signed_by"}


def test_apt_reads_the_line_for_unattended_upgrades_as_it_is_meant(archive, tmp_path):
    repository = adapters.repository()
    page = html.unescape(archive.stack.bucket.read("index.html").decode())
    line = origins_pattern(repository, repository.default_suite)
    assert f"<code>{line}</code>" in page
    comma = origins_pattern(replace(repository, origin="Acme, Inc"), repository.default_suite)
    for said, read in ((line, "origin=Kiro"), (comma, "origin=Acme\\, Inc")):
        (tmp_path / "unattended.conf").write_text(f"{said}\n")
        dumped = archive.client.run("apt-config", "-c", str(tmp_path / "unattended.conf"), "dump").stdout
        assert f'Origins-Pattern:: "{read},label=Kiro,codename=stable";' in dumped
    assert origins_pattern(replace(repository, label="A*"), repository.default_suite) == ""
