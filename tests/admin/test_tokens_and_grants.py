"""Rights and tokens in the admin: given by superusers, made by their owners, shown once, revoked at once."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client

from packages_app.core.errors import RightMissing
from packages_app.core.rights import Grant
from packages_app.models import AccessGrant, AccessToken
from packages_app.services.access.grants import BadGrant, add_grant, take_back
from packages_app.services.rights.shown_token import ShownToken, showing
from packages_app.services.rights.tokens import TokenRevoked, make_token, revoke, token_of
from packages_app.services.setup.groups import ensure_groups

GRANTS, TOKENS = "/admin/packages_app/accessgrant/", "/admin/packages_app/accesstoken/"


@pytest.fixture
def people(embedded):
    """A superuser and a viewer, and three packages that take uploads."""
    ensure_groups()
    for name in ("acme-tool", "acme-lib", "other"):
        embedded.define_uploads(name)
    return member("root", is_superuser=True), member("ann", "Viewers")


def member(name, *groups, **more):
    client = Client()
    client.user = get_user_model().objects.create_user(name, is_staff=True, **more)
    client.user.groups.set(Group.objects.filter(name__in=groups))
    client.force_login(client.user)
    return client


def give(client, **said):
    return client.post(f"{GRANTS}give/", {"action": "upload", "packages": "acme-*", "suites": "stable", **said})


def test_a_right_is_looked_at_given_and_taken_back_by_a_superuser_alone(people):
    root, ann = people
    looked = give(root, user=ann.user.pk, look="1").content.decode()
    assert (re.findall(r"<li>([a-z-]+)</li>", looked), AccessGrant.objects.count()) == (["acme-lib", "acme-tool"], 0)
    assert give(root, user=ann.user.pk).status_code == 302
    group = Group.objects.create(name="others")
    give(root, group=group.pk, action="publish", packages="*", suites="*")
    mine, theirs = AccessGrant.objects.order_by("pk")
    assert (mine.user, mine.grant) == (ann.user, Grant("upload", "acme-*", "stable"))
    assert (theirs.group, theirs.grant) == (group, Grant("publish"))
    for wrong in ({}, {"user": ann.user.pk, "group": group.pk}, {"packages": "a b"}, {"action": "administer"},
                  {"action": "keys"}, {"suites": ""}, {"user": 9999}):  # fmt: skip
        assert give(root, **{"user": ann.user.pk} if wrong and "user" not in wrong else {}, **wrong).status_code == 200
    assert AccessGrant.objects.count() == 2
    page = ann.get("/admin/packages_app/package/").content.decode()
    assert "/package/upload/" in page  # the right to some packages opens the page
    for refused in (lambda: add_grant(ann.user, "publish", user=ann.user), lambda: take_back([theirs], ann.user)):
        with pytest.raises(RightMissing):
            refused()
    with pytest.raises(BadGrant):
        add_grant(ann.user, "administer", user=None)
    root.post(GRANTS, {"action": "take_back", "_selected_action": [mine.pk]})
    assert list(AccessGrant.objects.all()) == [theirs]
    assert "/package/upload/" not in ann.get("/admin/packages_app/package/").content.decode()


def test_a_token_is_made_shown_once_and_revoked_by_its_owner(people):
    root, ann = people
    give(root, user=ann.user.pk)
    form = ann.get(f"{TOKENS}make/").content.decode()
    assert re.findall(r'name="actions" value="(\w+)"', form) == ["read", "upload"]
    said = {"name": "ci", "actions": ["upload"], "packages": "acme-*, other", "suites": "stable", "days": "30"}
    for wrong in ({"name": ""}, {"actions": []}, {"actions": ["publish"]}, {"days": "0"}, {"days": "x"},
                  {"packages": " "}, {"suites": "a[b]"}):  # fmt: skip
        assert ann.post(f"{TOKENS}make/", {**said, **wrong}).status_code == 200
    assert not AccessToken.objects.exists()
    shown = ann.post(f"{TOKENS}make/", said)
    [secret] = re.findall(r"repomgr_\w+", shown.content.decode())
    assert "no-store" in shown["Cache-Control"]
    token = AccessToken.objects.get()
    assert token_of(secret, "192.0.2.7")[1].grants == {Grant("upload", "acme-*", "stable"),
                                                      Grant("upload", "other", "stable")}  # fmt: skip
    for client in (ann, root):
        listed = client.get(TOKENS).content.decode() + client.get(f"{TOKENS}{token.pk}/change/").content.decode()
        assert secret not in listed
        assert "192.0.2.7" in listed
    assert root.get(f"{TOKENS}{token.pk}/revoke/").status_code == 200
    assert token_of(secret)
    ann.post(f"{TOKENS}{token.pk}/revoke/")
    with pytest.raises(TokenRevoked):
        token_of(secret)


def test_nobody_sees_or_revokes_anothers_token(people):
    root, ann = people
    token, secret = make_token("release", root.user, actions=["publish"])
    other = member("eve", "Publishers")
    for client in (ann, other):
        assert "release" not in client.get(TOKENS).content.decode()
        assert client.get(f"{TOKENS}{token.pk}/change/").status_code == 302
        client.post(f"{TOKENS}{token.pk}/revoke/")
    assert token_of(secret)
    root.post(f"{TOKENS}{token.pk}/revoke/")
    with pytest.raises(TokenRevoked):
        token_of(secret)


def test_a_token_makes_no_other_and_revokes_itself_alone(people):
    root, _ = people
    one, secret = make_token("one", root.user, actions=["read"])
    two, _ = make_token("two", root.user, actions=["read"])
    who, shown = token_of(secret)
    assert isinstance(shown, ShownToken)
    with showing(shown):
        for refused in (
            lambda: make_token("more", who, actions=["administer"]), lambda: revoke(two.pk, who),
            lambda: add_grant(who, "publish", user=who),
        ):  # fmt: skip
            with pytest.raises(RightMissing):
                refused()
        revoke(one.pk, who)
    assert [token.counts for token in AccessToken.objects.order_by("pk")] == [False, True]
