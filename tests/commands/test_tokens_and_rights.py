"""Rights and tokens of an installation that nobody opens the admin of."""

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.rights import Grant
from packages_app.models import AccessGrant, AccessToken
from packages_app.services.rights.tokens import TokenRevoked, token_of
from packages_app.services.setup.groups import ensure_groups
from tests.commands.calling import call, refused


@pytest.fixture
def ann(embedded):
    ensure_groups()
    return get_user_model().objects.create_user("ann")


def test_a_right_is_given_listed_and_taken_back(ann):
    said = ("upload", "--user", "ann", "--packages", "acme-*", "--suites", "stable")
    for _ in range(2):
        assert call("rights", "give", *said) == "ann: upload acme-* in stable\n"
    assert AccessGrant.objects.get().grant == Grant("upload", "acme-*", "stable")
    call("rights", "give", "hotfix", "--group", "Viewers")
    lines = call("rights", "list").splitlines()
    assert {"group Uploaders: upload * in *", "group Viewers: hotfix * in *", "ann: upload acme-* in stable"} < {*lines}
    for wrong, code in (
        (("give", "upload", "--user", "nobody"), "record_not_found"), (("give", "read", *said[1:]), "bad_grant"),
        (("give", "upload", "--user", "ann", "--packages", "a b"), "bad_pattern"),
        (("take-back", "upload", "--user", "ann"), "record_not_found"),
        (("give", "administer", "--user", "ann"), "Error"), (("give", "upload"), "Error"),  # no such words
    ):  # fmt: skip
        assert refused("rights", *wrong).code == code, wrong
    call("rights", "take-back", *said)
    assert [grant.holder for grant in AccessGrant.objects.all()] == ["group Viewers"]


def test_a_token_is_made_printed_alone_listed_and_revoked(ann):
    said = ("make", "ci", "--owner", "ann", "--action", "upload", "--package", "acme-tool", "--package", "other")
    assert refused("tokens", *said).code == "bad_token"  # its owner may not
    call("rights", "give", "upload", "--user", "ann")
    assert refused("tokens", *said, "--days", "0").code == "bad_token"
    assert refused("tokens", "make", "ci", "--owner", "eve", "--action", "upload").code == "record_not_found"
    secret = call("tokens", *said).strip()
    assert token_of(secret)[1].grants == {Grant("upload", "acme-tool"), Grant("upload", "other")}
    token = AccessToken.objects.get()
    listed = call("tokens", "list")
    assert secret not in listed
    assert f"{token.pk}  ci (…{secret[-4:]}), of ann: counts" in listed
    assert "revoked" in call("tokens", "revoke", token.pk)
    with pytest.raises(TokenRevoked):
        token_of(secret)
    assert refused("tokens", "revoke", 999).code == "record_not_found"
