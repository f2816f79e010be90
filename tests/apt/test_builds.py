"""One version built twice, for two suites, by its definition alone, as the apt of each suite sees it."""

from packages_app.services.intake.uploads import stage_upload
from tests.apt.archive import IN_RELEASE, keyring_of, new_client
from tests.debs import build_deb

PLACES = {"noble": "noble", "bookworm": "oldest"}
BUILDS = {"noble": "*_noble_*.deb", "bookworm": {"files": "*_bookworm_*.deb", "suites": ["oldest"]}}


def release(archive, version):
    """Upload a version's builds, named as a vendor names them, and publish."""
    for label in PLACES:
        files = {"usr/share/tool/built-for": label.encode()}
        deb = build_deb(archive.folder / label / version, "tool", version, files=files)
        stage_upload(deb, f"tool_{version}_{label}_amd64.deb", wake_worker=False)
        assert {job.state for job in archive.stack.run_jobs()} == {"done"}


def test_each_client_installs_the_build_of_its_suite_and_upgrades_within_it(archive):
    archive.stack.configure(suites=[{"name": name, "codename": name} for name in ("stable", *PLACES.values())])
    archive.stack.define_uploads("tool", suites=["stable"], builds=BUILDS)
    before = archive.in_release
    clients = {label: new_client(archive.folder / f"client-{label}", archive.server) for label in PLACES}
    for version, asked in (("2.0", "install"), ("2.1", "upgrade")):
        release(archive, version)
        for label, client in clients.items():
            line = f"deb [signed-by={keyring_of(client)}] {archive.server.url} {PLACES[label]} main\n"
            (client.root / "etc/apt/sources.list.d/archive.list").write_text(line)
            client.update()
            client.apt_get(asked, *(["tool"] if asked == "install" else []))
            assert client.installed("tool") == version
            assert (client.root / "usr/share/tool/built-for").read_text() == label
    assert archive.stack.bucket.read(IN_RELEASE) == before
    archive.client.update()
    assert archive.client.candidate("tool") == "1.0"
