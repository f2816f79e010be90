"""A real client over a change of the signing key: it goes on only once it has the new keyring, by whichever way."""

from __future__ import annotations

import shutil

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import CandidateHeld
from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate
from packages_app.services import adapters
from packages_app.services.intake.build_bootstrap import build_and_take_in
from packages_app.services.publication.held_candidates import approve
from packages_app.services.publication.publish import publish
from packages_app.signing.openpgp import generate_key
from tests.apt.client import AptClient
from tests.commands.calling import call
from tests.served import ServedBucket

KEYRING = "kiro-archive-keyring.gpg"


@pytest.fixture
def served(embedded, settings):
    """A repository with its bootstrap package, over HTTP."""
    with ServedBucket(embedded.bucket) as server:
        settings.PUBLIC_URL = server.url
        build_and_take_in("kiro-repo", "1.0.0", Silent())
        embedded.run_jobs()
        yield embedded


@pytest.fixture
def client(served, tmp_path):
    """A client that was set up with the package in the root."""
    client = AptClient(tmp_path / "client")
    install_copy(served, client, tmp_path)
    return client


def install_copy(stack, client, folder):
    """Set a client up as the instructions say: the package of the root, installed by dpkg."""
    shutil.copy(stack.home / "bucket" / "kiro-repo.deb", folder / "kiro-repo.deb")
    client.install_file(folder / "kiro-repo.deb")
    client.use("kiro-repo.sources")


def by_approval(stack):
    approve(HeldCandidate.objects.get(state="waiting"), get_user_model().objects.create_user("ann"))
    [job] = stack.run_jobs()
    assert job.state == "done", job.error


def by_a_rebuild(_stack):
    call("force_rebuild", "--new-key")


@pytest.mark.parametrize("shown", [by_approval, by_a_rebuild])
@pytest.mark.parametrize("way", ["package", "keyring"])
def test_a_client_follows_a_new_key_once_it_has_the_new_keyring(served, client, settings, tmp_path, shown, way):
    client.update()
    before = adapters.signer().fingerprint
    settings.SIGNING_KEY = generate_key("The next archive key")
    build_and_take_in("kiro-repo", "1.1.0", Silent())
    with pytest.raises(CandidateHeld):
        publish("stable", Silent())
    row = HeldCandidate.objects.get(state="waiting")
    assert [finding["code"] for finding in row.findings] == ["signing_key_changed"]
    assert before in row.findings[0]["text"]
    client.update()  # while it waits, clients see what they saw
    assert client.candidate("kiro-repo") == "1.0.0"

    for job in served.run_jobs():  # that of the build, which is held too
        assert job.error_code == "candidate_held"
    shown(served)
    assert "NO_PUBKEY" in client.refused() or "Missing key" in client.refused()
    assert client.candidate("kiro-repo") == "1.0.0"
    if way == "package":
        install_copy(served, client, tmp_path)
        assert client.installed("kiro-repo") == "1.1.0"
    else:
        (client.root / "usr/share/keyrings" / KEYRING).write_bytes(served.bucket.read(KEYRING))
    client.update()
    assert client.candidate("kiro-repo") == "1.1.0"
    served.define_uploads("tool")
    publish("stable", Silent())  # from here on the key is the known one
    client.update()
