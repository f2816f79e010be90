"""The Keys page without a browser: what it says by a worker's word, and who may do what."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from pysequoia import Cert

from packages_app.core.ports import Silent
from packages_app.models import Job
from packages_app.publishing.place import read_place
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.intake.build_bootstrap import build_and_take_in
from packages_app.services.keys.expiry import watch_keys_and_suites
from packages_app.services.keys.told import TOLD, tell_keys, told_keys
from packages_app.services.publication.lease_hold import lease_held
from packages_app.services.publication.publish import publish
from packages_app.services.setup.certificate import make_certificate
from packages_app.signing.openpgp import generate_key
from tests.apt.odd_keys import odd_key
from tests.signing.keepers import command_of

PAGE = "/admin/packages_app/publication/keys/"


@pytest.fixture
def stack(embedded):
    """A repository with its bootstrap package, of whose keys a worker has told."""
    build_and_take_in("kiro-repo", "1.0.0", Silent())
    embedded.run_jobs()
    watch_keys_and_suites()
    return embedded


@pytest.fixture
def keeper(as_member):
    """A publisher who may change keys too."""
    client = as_member("Publishers")
    user = get_user_model().objects.get(username="Publishers")
    user.user_permissions.add(Permission.objects.get(codename="change_keys"))
    return client


def page(client, settings):
    """Give the page as the web process makes it, which has no key; nothing secret is ever on it."""
    settings.WITHHELD = ("SIGNING_KEY",)
    text = client.get(PAGE).content.decode()
    settings.WITHHELD = ()
    assert "PRIVATE KEY" not in text
    return text


def steps(text):
    """Give how far each step is."""
    return dict(re.findall(r'id="step-(\d)" data-progress="(\w+)"', text))


def certificate_of_command(settings, folder, address):
    """Make the certificate of a key that a command keeps; give it."""
    settings.SIGNING_KEY = address
    make_certificate(folder / "next.asc", user_id="Next", expires=None)
    return (folder / "next.asc").read_text()


def work(client, stack, **said):
    """Post what a button says; give its job as it ended."""
    client.post(f"{PAGE}work/", said)
    return next(job for job in stack.run_jobs() if job.kind == "keys")


def test_a_change_of_keys_goes_on_by_what_the_page_shows_and_nothing_else(stack, keeper, settings):
    old = adapters.signer().fingerprint
    text = page(keeper, settings)
    assert steps(text) == {"1": "open", "2": "closed", "3": "closed", "4": "closed", "5": "closed"}
    assert " ".join(old[at : at + 4] for at in range(0, 40, 4)) in text
    assert "kiro-repo 1.0.0 (stable)" in text
    for do in ("add", "add", "look"):  # who clicks twice makes one key, and nothing else begins meanwhile
        keeper.post(f"{PAGE}work/", {"do": do, "new": old})
    [job] = stack.run_jobs()
    assert (job.state, job.asker, job.result["next"]) == ("done", "Publishers", 2)
    new = adapters.signer().fingerprints[1]
    assert work(keeper, stack, do="add", new=new).error_code == "rotation_unfinished"
    assert work(keeper, stack, do="ship", new=old).error_code == "keys_changed_meanwhile"
    assert len(told_keys().standing.keys) == 2

    keeper.post(f"{PAGE}work/", {"do": "ship", "new": new})
    with lease_held(adapters.package_table(), "publish:stable"):
        [job] = stack.run_jobs(once=True)[:1]
        assert (job.state, job.arguments["begun"]) == ("queued", True)  # another publishes: it waits
    [job] = [job for job in stack.run_jobs() if job.kind == "keys"]
    assert (job.state, job.result["next"]) == ("done", 3)
    text = page(keeper, settings)
    assert steps(text) == {"1": "done", "2": "done", "3": "open", "4": "closed", "5": "closed"}
    assert work(keeper, stack, do="sign", new=new).error_code == "rotation_unfinished"
    assert work(keeper, stack, do="retire", key=new).state == "done"
    assert adapters.signer().fingerprints == (old,)
    assert work(keeper, stack, do="prolong", key=old, until="2040-12-31").state == "done"
    assert "2040-12-31" in page(keeper, settings)
    assert keeper.post(f"{PAGE}work/", {"do": "prolong", "key": old, "until": "soon"}, follow=True).status_code == 200
    assert not Job.objects.filter(state="queued").exists()


def test_a_key_is_given_up_as_its_page_said_and_downloads_are_for_who_may(stack, keeper, settings):
    old = adapters.signer().fingerprint
    (stack.home / "signing-keys" / f"{old}.rev").unlink(missing_ok=True)  # of a key made before there were any
    tell_keys()
    lost = keeper.get(f"{PAGE}{old}/lost/").content.decode()
    assert "curl -fsSLO https://apt.example.org/kiro-repo.deb" in lost
    public = keeper.get(f"{PAGE}{old}/public/").content.decode()
    assert public.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    revoked = keeper.get(f"{PAGE}{old}/revocation/")
    assert Cert.from_bytes(revoked.content).is_revoked
    assert "no-store" in revoked["Cache-Control"]
    assert keeper.get(f"{PAGE}{'F' * 40}/revocation/").status_code == 404
    assert work(keeper, stack, do="lost", key=old, new="A" * 40).error_code == "keys_changed_meanwhile"
    user = get_user_model().objects.get(username="Publishers")
    keeper.post(f"{PAGE}work/", {"do": "lost", "key": old, "new": ""})
    user.user_permissions.clear()
    [job] = stack.run_jobs()
    assert (job.state, job.error_code) == ("failed", "right_missing")
    assert adapters.signer().fingerprint == old
    assert keeper.get(f"{PAGE}{old}/revocation/").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="change_keys"))
    keeper.post(f"{PAGE}work/", {"do": "lost", "key": old, "new": ""})
    with lease_held(adapters.package_table(), "publish:stable"):
        stack.run_jobs(once=True)
    assert old not in adapters.signer().fingerprints  # at once, whoever publishes
    assert {job.kind: job.state for job in stack.run_jobs()}["keys"] == "done"
    assert read_place(stack.bucket, adapters.repository(), "stable", adapters.signer()).release is not None
    assert len(told_keys().standing.keys) == 1
    assert steps(page(keeper, settings))["1"] == "open"
    kept = [json.dumps([job.arguments, job.result, job.steps]) for job in Job.objects.all()]
    kept = "".join([*kept, stack.staging.read(TOLD).decode()])
    assert re.findall(r"PRIVATE KEY|\.rev", kept) == []


def test_keys_of_the_setting_are_changed_by_hand_and_the_page_sees_it(stack, keeper, settings, tmp_path):
    one, two = generate_key("One"), command_of(tmp_path / "two", "p521")
    settings.SIGNING_CERTIFICATE = certificate_of_command(settings, tmp_path, two)
    settings.SIGNING_KEY = one
    publish("stable", Silent(), options=PublicationOptions(rebuild=True, new_key=True))
    assert work(keeper, stack, do="leave", new=adapters.signer().fingerprint).state == "done"
    text = page(keeper, settings)
    assert "gpg --armor --export-secret-keys" in text
    assert 'value="add"' not in text
    settings.SIGNING_KEY = f"{one}{two}"
    with odd_key("rsa2048") as odd:
        settings.SIGNING_KEY += f"\n{odd.secret_armored()}"
    tell_keys()
    text = page(keeper, settings)
    assert steps(text)["2"] == "open"
    verdicts = set(re.findall("may warn of it|takes it, until 2030-.{5}", text))
    assert verdicts == {"may warn of it", "takes it, until 2030-02-01"}
    assert 'id="still-set"' not in text
    last = adapters.signer().fingerprints[-1]
    assert work(keeper, stack, do="retire", key=last).state == "done"
    assert 'id="still-set"' in page(keeper, settings)
    told = told_keys()
    assert set(told.kinds.values()) == {"armored", "command"}
    assert not [key for key in told.standing.keys if key.here.given]
    stack.staging.put(TOLD, b'{"keys": 1}')  # of another release
    assert steps(page(keeper, settings)) == {}
