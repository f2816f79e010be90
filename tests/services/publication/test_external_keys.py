"""Publications signed by a key that others keep: also by one that is away while they run."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.publication.publish import publish
from packages_app.services.publication.watch_expiry import watch_expiry
from packages_app.services.setup.certificate import make_certificate
from packages_app.services.setup.doctor import examine
from packages_app.signing.openpgp import verified_text
from packages_app.signing.signer_errors import CertificateLacksKey, CertificateRefused, SignerUnavailable
from tests.debs import build_deb
from tests.signing.keepers import command_of

DIES = '[ "$2" = sign ] && { left=$(cat "$0.left"); [ "$left" = 0 ] && exit 75; echo $((left - 1)) > "$0.left"; }'


@pytest.fixture
def left(embedded, settings, tmp_path):
    """Let a command sign for the repository; gives the file that says how often it does before it is away."""
    settings.SIGNING_KEY = command_of(tmp_path / "keeper", "ed25519")
    program = tmp_path / "keeper/sign"
    program.write_text(program.read_text().replace("set -e\n", f"{DIES}\nset -e\n"))
    file = tmp_path / "keeper/sign.left"
    file.write_text("1000")
    make_certificate(tmp_path / "certificate.asc", user_id="Test archive", expires=None)
    settings.SIGNING_CERTIFICATE = (tmp_path / "certificate.asc").read_text()
    return file


def diagnosis():
    return {each.name: each for each in examine()}["signing key"]


def test_a_publication_is_whole_or_not_at_all_wherever_the_key_goes_away(embedded, left, tmp_path):
    assert diagnosis().well
    embedded.define_uploads("tool")
    publish("stable", Silent())
    keyring = adapters.signer().public_keyring()
    for times in (0, 1):
        before = embedded.dists()
        deb = build_deb(tmp_path / "debs", "tool", f"{times}.0")
        stage_upload(deb, deb.name, wake_worker=False)
        left.write_text(str(times))
        assert {job.kind: job.state for job in embedded.run_jobs(once=True)}["publish"] == "queued"
        with pytest.raises(SignerUnavailable):
            publish("stable", Silent())
        assert embedded.dists() == before
        left.write_text("2")
        embedded.run_jobs()
        assert left.read_text() == "0\n"  # there is no third moment at which it could be away
        in_release = embedded.bucket.read("dists/stable/InRelease")
        assert verified_text(in_release, keyring) == embedded.bucket.read("dists/stable/Release")
        assert f"Version: {times}.0\n".encode() in embedded.bucket.read("dists/stable/main/binary-amd64/Packages")
    assert not HeldCandidate.objects.exists()
    assert watch_expiry() == []


def test_a_certificate_is_made_prolonged_and_never_put_over_another(left, settings, tmp_path, capsys):
    file = tmp_path / "other/certificate.asc"
    file.parent.mkdir()
    call_command("make_certificate", str(file), "--user-id", "Acme")
    fingerprint = re.search(r"[0-9A-F]{40}", capsys.readouterr().out)[0]
    assert file.stat().st_mode & 0o777 == 0o644
    first, until = file.read_bytes(), datetime.now(UTC) + timedelta(days=900)
    signer = make_certificate(file, user_id="", expires=until)
    assert (signer.fingerprint, signer.expires) == (fingerprint, until.replace(microsecond=0))
    assert file.read_bytes() != first
    good, own = file.read_bytes(), settings.SIGNING_KEY
    settings.SIGNING_KEY = command_of(tmp_path / "another", "p256")
    for primary, refused in (("", CertificateLacksKey), (settings.SIGNING_KEY, CertificateLacksKey)):
        with pytest.raises(refused):
            make_certificate(file, user_id="", expires=None, primary=primary)
    with pytest.raises(CertificateRefused):
        make_certificate(tmp_path / "new.asc", user_id="", expires=None, primary=own)
    assert file.read_bytes() == good
    assert [path.name for path in file.parent.iterdir()] == ["certificate.asc"]
    assert make_certificate(file, user_id="", expires=None, primary=own).fingerprint == fingerprint


def test_a_certificate_near_its_end_is_told_of(embedded, left, settings, tmp_path):
    file = tmp_path / "certificate.asc"
    make_certificate(file, user_id="", expires=datetime.now(UTC) + timedelta(days=9))
    settings.SIGNING_CERTIFICATE = file.read_text()
    publish("stable", Silent(), options=PublicationOptions(rebuild=True, new_key=True))
    assert "expires" in diagnosis().detail
    assert watch_expiry() == ["signing key"]
