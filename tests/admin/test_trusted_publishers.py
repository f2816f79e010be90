"""Trusted publishers in the admin: added and removed by superusers who have just proved who they are."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from packages_app.admin.who_may import uploaders_of
from packages_app.core.errors import RightMissing
from packages_app.core.rights import Grant
from packages_app.models import AccessGrant, AccessToken, TrustedPublisher
from packages_app.services.rights.tokens import keep_token
from packages_app.services.trusted.exchange import audience
from packages_app.services.trusted.publishers import BadPublisher, Trust, add_publisher, remove_publisher

PAGE = "/admin/packages_app/trustedpublisher/"
USUAL = {
    "name": "releases of tool", "kind": "github", "repository": "acme/tool", "workflow": "release.yml",
    "ref": "refs/tags/*", "protected": "on", "actions": ["upload", "publish"], "packages": "tool tool-*",
    "suites": "stable",
}  # fmt: skip


@pytest.fixture
def root(embedded):
    client = Client()
    client.user = get_user_model().objects.create_superuser("root")
    client.force_login(client.user)
    return client


def test_a_publisher_is_trusted_and_trusted_no_more(root, embedded):
    embedded.define_uploads("tool")
    assert f'<code id="audience">{audience()}</code>' in root.get(f"{PAGE}trust/").content.decode()
    assert root.post(f"{PAGE}trust/", USUAL).status_code == 302
    publisher = TrustedPublisher.objects.get()
    assert (publisher.issuer, publisher.protected) == ("https://token.actions.githubusercontent.com", True)
    assert {row.grant for row in publisher.grants.all()} == {
        Grant(action, package, "stable") for action in ("upload", "publish") for package in ("tool", "tool-*")
    }
    shown = root.get(f"{PAGE}{publisher.pk}/change/").content.decode()
    assert "upload tool-* in stable" in shown
    assert re.findall(r"<li>(.+?) <span", uploaders_of("tool")) == ["root", "trusted publisher releases of tool"]
    assert (">Protected<" in shown, ">Ref<" in shown, ">Claims<" in shown) == (True, True, False)
    assert "tool-*" not in root.get("/admin/packages_app/accessgrant/").content.decode()
    token, _ = keep_token("x", [], owner=None, lasting=timedelta(minutes=15), publisher=publisher)
    root.post(PAGE, {"action": "remove", "_selected_action": [publisher.pk]})
    assert not TrustedPublisher.objects.exists()
    assert not AccessGrant.objects.exists()
    assert AccessToken.objects.get(pk=token.pk).revoked


def test_what_is_said_of_a_publisher_is_sound_or_nobody_is_trusted(root, settings):
    for wrong in ({"name": " "}, {"kind": "other"}, {"issuer": "ci.example.org"}, {"issuer": "http://ci.example.org"},
                  {"issuer": "https://10.1.2.3"}, {"repository": "tool"}, {"repository": "a/b c"}, {"workflow": ""},
                  {"ref": ""}, {"ref": "main"}, {"ref": "v*"}, {"workflow": ".github/workflows/release.yml"},
                  {"repository_id": "x"}, {"actions": ["administer"]}, {"actions": []},
                  {"packages": ""}, {"packages": "a!"}, {"kind": "other", "issuer": "https://ci.example.org",
                                                         "claims": "team=x"}):  # fmt: skip
        assert root.post(f"{PAGE}trust/", {**USUAL, **wrong}).status_code == 200, wrong
    assert not TrustedPublisher.objects.exists()
    other = {"kind": "other", "issuer": "https://ci.example.org", "claims": "sub=builder=7\nteam = x"}
    assert root.post(f"{PAGE}trust/", {**USUAL, **other}).status_code == 302
    assert TrustedPublisher.objects.get().claims == {"sub": "builder=7", "team": "x"}
    page = root.get(f"{PAGE}{TrustedPublisher.objects.get().pk}/change/").content.decode()
    assert ("sub=builder=7" in page, ">Protected<" in page, ">Ref<" in page) == (True, False, False)
    assert root.post(f"{PAGE}trust/", USUAL).status_code == 200  # that name is taken
    settings.FRESH_MINUTES = 0
    assert "/confirm/" in root.post(f"{PAGE}trust/", {**USUAL, "name": "y"}).headers["Location"]
    named = {"action": "remove", "_selected_action": [TrustedPublisher.objects.get().pk]}
    assert "/confirm/" in root.post(PAGE, named).headers["Location"]
    person = get_user_model().objects.create_user("ann")
    trust = Trust("x", "github", repository="a/b", workflow="c.yml")
    for refused in (
        lambda: add_publisher(trust, actions=["upload"], packages=["tool"], user=person),
        lambda: remove_publisher(TrustedPublisher.objects.get(), person),
    ):
        with pytest.raises(RightMissing):
            refused()
    with pytest.raises(BadPublisher):
        add_publisher(trust, actions=["keys"], packages=["tool"], user=root.user)
    assert TrustedPublisher.objects.count() == 1
