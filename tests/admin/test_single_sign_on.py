"""Single sign-on by a real issuer over HTTP: who has a group of ours gets in, and each claim counts."""

import subprocess
import sys
import time

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from packages_app.core.single_sign_on import OIDC, SingleSignOn
from packages_app.services.sign_in.membership import membership_of
from repomgr.processes import commands, environment_of
from repomgr.web import lane_of
from tests.oidc_issuer import CLIENT, SECRET, Issuer
from tests.stack import REPOSITORY
from tests.web_clients import Person, rows, serving

BEGIN, BACK, LOGIN = "/admin/single-sign-on/", "/admin/single-sign-on/callback/", "/admin/login/"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
GROUPS = "release=Publishers,staff=Viewers,owners=superusers"


@pytest.fixture(scope="module")
def served(tmp_path_factory, migrated):
    with Issuer() as issuer:
        settings = {
            "SIGN_IN_OIDC_ISSUER": issuer.url, "SIGN_IN_OIDC_CLIENT_ID": CLIENT, "SIGN_IN_OIDC_CLIENT_SECRET": SECRET,
            "SIGN_IN_OIDC_NAME": "Acme", "SIGN_IN_OIDC_GROUPS": GROUPS, "SIGN_IN_OIDC_GROUPS_CLAIM": "realm.roles",
            "SIGN_IN_PASSWORDS": "superusers",
        }  # fmt: skip
        people = {"anna": "Publishers", "root": "root"}
        with serving(tmp_path_factory.mktemp("sso"), migrated, people, **settings) as web:
            yield web, issuer


@pytest.fixture
def web(served):
    return served[0]


@pytest.fixture
def issuer(served):
    served[1].begin_anew()
    return served[1]


def claims(*groups, **others):
    return {"realm": {"roles": list(groups)}, **others}


def back_from(person, to="", again=""):
    """Give the address that the issuer sends the browser back to."""
    sent = person.get(f"{BEGIN}?next={to}&again={again}")
    assert sent.status_code == 302
    return httpx.get(sent.headers["Location"]).headers["Location"]


def come(person, **asked):
    return person.get(back_from(person, **asked))


def trail_of(web, name):
    """Give the lines of the audit trail about an account, oldest first."""
    said = "SELECT what, result, code, before, after FROM packages_app_auditentry WHERE subject = ?"
    return rows(web, f"{said} ORDER BY id", name)


def rights_of(web, subject):
    return rows(
        web,
        "SELECT u.username, u.is_staff, u.is_superuser, group_concat(g.name) FROM auth_user u"
        " JOIN socialaccount_socialaccount s ON s.user_id = u.id LEFT JOIN auth_user_groups m ON m.user_id = u.id"
        " LEFT JOIN auth_group g ON g.id = m.group_id WHERE s.uid = ? GROUP BY u.id",
        subject,
    )


def test_an_account_is_made_of_issuer_and_subject_and_keeps_the_issuers_groups(web, issuer):
    person, other = Person(web), Person(web)
    whose = {"preferred_username": "anna", "email": "anna@example.org", "email_verified": True}
    issuer.claims = claims("release", sub="s-7", **whose)
    assert come(person, to="/admin/sessions/").headers["Location"] == "/admin/sessions/"
    assert person.is_in()
    [(name, staff, superuser, groups)] = rights_of(web, "s-7")
    assert (name != "anna", staff, superuser, groups) == (True, 1, 0, "Publishers"), "no other's account by an address"
    issuer.claims = claims("staff", "unknown", sub="s-7", preferred_username="root")
    issuer.sign = lambda said: issuer.signed(said, key=issuer.curve, kid="two", algorithm="ES256")
    assert come(other, to="https://evil.example.org/").headers["Location"] == "/admin/"
    assert rights_of(web, "s-7") == [(name, 1, 0, "Viewers")]
    issuer.claims = claims("owners", sub="s-7")
    come(other)
    assert rights_of(web, "s-7") == [(name, 1, 1, None)]
    issuer.claims = claims("elsewhere", sub="s-7")
    assert come(other).headers["Location"] == LOGIN
    assert rights_of(web, "s-7") == [(name, 1, 0, None)]
    assert [person.is_in(), other.is_in()] == [False, False], "who lost his groups is out"
    held = ['{"groups":[],"is_superuser":%s}', '{"groups":["%s"],"is_superuser":false}']
    assert trail_of(web, name) == [
        ("user.add", "done", "", "", '{"is_staff":true}'),
        ("user.change", "done", "", held[0] % "false", held[1] % "Publishers"),
        ("sign_in", "done", "", "", ""),
        ("user.change", "done", "", held[1] % "Publishers", held[1] % "Viewers"),
        ("sign_in", "done", "", "", ""),
        ("user.change", "done", "", held[1] % "Viewers", held[0] % "true"),
        ("sign_in", "done", "", "", ""),
        ("user.change", "done", "", held[0] % "true", held[0] % "false"),
        ("sign_in", "refused", "single_sign_on_refused", "", '{"error":"groups"}'),
    ]
    assert set(rows(web, "SELECT given FROM packages_app_auditentry WHERE what LIKE 'user.%'")) == {('{"by":"Acme"}',)}
    assert SECRET not in str(rows(web, "SELECT * FROM socialaccount_socialaccount"))
    assert rows(web, "SELECT count(*) FROM socialaccount_socialtoken, socialaccount_socialapp") == [(0,)]


def test_who_is_no_longer_active_is_refused_by_that_name(web, issuer):
    issuer.claims = claims("staff", sub="s-8", preferred_username="gone")
    person = Person(web)
    come(person)
    rows(web, "UPDATE auth_user SET is_active = 0 WHERE username = 'gone'")
    issuer.claims = claims("owners", sub="s-8")
    assert come(person).headers["Location"] == LOGIN
    assert "(inactive)" in person.get(LOGIN).text
    assert trail_of(web, "gone")[3:] == [("sign_in", "refused", "single_sign_on_refused", "", '{"error":"inactive"}')]
    assert rights_of(web, "s-8") == [("gone", 1, 0, "Viewers")]


def test_an_account_that_is_made_twice_at_once_is_made_once_and_the_other_is_refused(web, issuer):
    raced = "CREATE TRIGGER raced BEFORE INSERT ON auth_user WHEN new.username = 'raced' BEGIN"
    rows(web, f"{raced} SELECT RAISE(ABORT, 'UNIQUE constraint failed: auth_user.username'); END")
    issuer.claims = claims("staff", sub="s-13", preferred_username="raced")
    person = Person(web)
    assert come(person).headers["Location"] == LOGIN
    assert "(account)" in person.get(LOGIN).text
    rows(web, "DROP TRIGGER raced")
    assert come(person).headers["Location"] == "/admin/"


def by_nobody(issuer):
    return lambda said: jwt.encode(said, None, "none", {"kid": "one"})


def by_the_public_key(issuer):
    """What takes a public key for a secret that both know believes this."""
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    public = issuer.key.public_key().public_bytes(*form)

    def sign(said):
        head, body = (part.rstrip(b"=") for part in (encoded({"alg": "HS256", "kid": "one"}), encoded(said)))
        sealed = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(head + b"." + body, public)
        return b".".join((head, body, jwt.utils.base64url_encode(sealed))).decode()

    def encoded(part):
        return jwt.utils.base64url_encode(jwt.api_jws.json.dumps(part).encode())

    return sign


@pytest.mark.parametrize(("wrong", "sign", "named"), [
    ({"iss": "https://evil.example.org"}, None, "iss"),
    ({"aud": "another"}, None, "aud"),
    ({"aud": [CLIENT, "another"]}, None, "azp"),
    ({"aud": [CLIENT, "another"], "azp": "another"}, None, "azp"),
    ({"exp": int(time.time()) - 3600}, None, "exp"),
    ({"exp": None}, None, "exp"),
    ({"iat": int(time.time()) + 3600}, None, "iat"),
    ({"nonce": "of-another-sign-in"}, None, "nonce"),
    ({"nonce": None}, None, "nonce"),
    ({"sub": None}, None, "sub"),
    ({"sub": "x" * 192}, None, "sub"),
    ({}, lambda issuer: lambda said: issuer.signed(said, key=issuer.other), "signature"),
    ({}, lambda issuer: lambda said: issuer.signed(said, kid="three"), "kid"),
    ({}, by_nobody, "alg"),
    ({}, by_the_public_key, "alg"),
    ({}, lambda issuer: lambda said: "no token", "form"),
    ({"realm": {"roles": []}}, None, "groups"),
    ({"realm": "release"}, None, "groups"),
])  # fmt: skip
def test_each_claim_counts(web, issuer, wrong, sign, named):
    before = rows(web, "SELECT count(*) FROM auth_user")
    issuer.claims = {**claims("release", sub="s-wrong"), **wrong}
    issuer.sign = sign(issuer) if sign else issuer.sign
    person = Person(web)
    assert come(person).headers["Location"] == LOGIN
    assert not person.is_in()
    assert rows(web, "SELECT count(*) FROM auth_user") == before
    said = person.get(LOGIN).text
    assert ("in no group" if named == "groups" else f"({named})") in said


def test_a_way_back_counts_once_and_in_the_browser_that_began_it(web, issuer):
    issuer.claims = claims("release", sub="s-9")
    person, other = Person(web), Person(web)
    back = back_from(person)
    assert other.get(back).headers["Location"] == LOGIN
    for made_up in (f"{BACK}?code=x&state=y", f"{BACK}?state=y", BACK, f"{BACK}?error=access_denied"):
        assert other.get(made_up).headers["Location"] == LOGIN
    assert not other.is_in()
    pending = person.session
    assert person.get(back).headers["Location"] == "/admin/"
    assert person.session != pending
    assert person.get(back).headers["Location"] == LOGIN, "again"


@pytest.mark.parametrize(("place", "answer"), [
    ("/.well-known/openid-configuration", (500, {})),
    ("/.well-known/openid-configuration", (200, {"issuer": "https://evil.example.org"})),
    ("/.well-known/openid-configuration", (200, {"authorization_endpoint": "javascript:alert(1)"})),
    ("/.well-known/openid-configuration", (200, {"jwks_uri": "http://192.0.2.1/keys"})),
    ("/.well-known/openid-configuration", (200, {"token_endpoint": "http://[/token"})),
    ("/.well-known/openid-configuration", (302, "/elsewhere")),
    ("/.well-known/openid-configuration", (200, b"<html>")),
    ("/.well-known/openid-configuration", (200, [])),
    ("/keys", (200, {"keys": []})),
    ("/keys", (404, {})),
    ("/keys", (302, "/elsewhere")),
])  # fmt: skip
def test_an_issuer_that_is_away_or_says_nonsense_signs_nobody_in(web, issuer, place, answer):
    issuer.claims = claims("release", sub="s-10")
    person = Person(web)
    if place == "/keys":
        back = back_from(person)
        issuer.instead = {place: answer, "/elsewhere": (200, issuer.keys())}  # the right ones, where nobody is to look
        assert person.get(back).headers["Location"] == LOGIN
    else:
        whole = {"issuer": issuer.url, **dict.fromkeys(ENDPOINTS, f"{issuer.url}/x")}
        status, said = answer
        issuer.instead = {
            place: (status, {**whole, **said} if isinstance(said, dict) else said),
            "/elsewhere": (200, whole),
        }
        assert person.get(BEGIN).headers["Location"] == LOGIN
    assert not person.is_in()


def test_what_matters_most_asks_the_issuer_anew_and_believes_its_time_alone(web, issuer):
    person, fresh = Person(web), "/admin/auth/user/add/"
    issuer.claims = claims("owners", sub="s-11")
    come(person)
    assert person.get(fresh).headers["Location"].startswith("/admin/confirm/"), "it has not said when he proved it"
    now = int(time.time())
    for wrong in (
        {"auth_time": now - 3600},
        {"auth_time": now + 3600},
        {"auth_time": True},
        {"auth_time": now, "sub": "s-12"},
    ):
        issuer.claims = {**claims("owners", sub="s-11"), **wrong}
        assert come(person, to=fresh, again="1").headers["Location"] == LOGIN
    issuer.claims = claims("owners", sub="s-11", auth_time=int(time.time()))
    assert come(person, to=fresh, again="1").headers["Location"] == fresh
    assert person.get(fresh).status_code == 200


def test_passwords_are_for_superusers_where_a_setting_says_so(web, issuer):
    anna, root = Person(web), Person(web)
    assert (anna.log_in("anna").status_code, anna.is_in()) == (200, False)
    assert root.log_in("root").headers["Location"] == "/admin/"
    closed = ("/admin/socialaccount/socialapp/", "/admin/single-sign-on/signup/", "/admin/social/connections/")
    assert {root.get(path).status_code for path in closed} == {404}


@pytest.mark.parametrize("given", [
    {"SIGN_IN_OIDC_ISSUER": "http://issuer.example.org"},
    {"SIGN_IN_OIDC_ISSUER": "https://issuer.example.org"},
    {"SIGN_IN_OIDC_ISSUER": "https://issuer.example.org", "SIGN_IN_OIDC_CLIENT_ID": "x"},
    {"SIGN_IN_OIDC_ISSUER": "https://issuer.example.org", "SIGN_IN_OIDC_CLIENT_ID": "x", "SIGN_IN_OIDC_GROUPS": "a"},
    {"SIGN_IN_PASSWORDS": "superusers"},
])  # fmt: skip
def test_half_a_setting_is_refused(tmp_path, given):
    look = "import repomgr.settings"
    environment = {"PATH": "/usr/bin", "REPOMGR_HOME": str(tmp_path / "none"), **given}
    done = subprocess.run(
        [sys.executable, "-c", look], env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert "packages_app.core.errors.SettingsError" in done.stderr


@pytest.mark.parametrize(("said", "let_in"), [
    ({"email": "a@acme.example", "email_verified": True}, True),
    ({"email": "a@ACME.example", "email_verified": True}, True),
    ({"email": "a@acme.example"}, False),
    ({"email": "a@acme.example", "email_verified": "true"}, False),
    ({"email": "a@sub.acme.example", "email_verified": True}, False),
    ({"email": "a@acme.example@evil.example", "email_verified": True}, False),
    ({"email": ["a@acme.example"], "email_verified": True}, False),
    ({}, False),
])  # fmt: skip
def test_a_domain_lets_in_whose_address_the_issuer_has_verified(settings, said, let_in):
    settings.SINGLE_SIGN_ON = SingleSignOn(OIDC, "Acme", [("*", "Viewers")], "groups", ["acme.example"], False)
    assert (membership_of(said) is not None) is let_in


def test_web_alone_has_the_clients_secret_and_no_password_waits_for_an_issuer():
    given = {"SIGN_IN_OIDC_CLIENT_SECRET": "x", "SIGN_IN_OIDC_CLIENT_SECRET_FILE": "y"}
    names = commands("127.0.0.1", 8000, 1, sweeper=True)
    assert {name for name in names if given.keys() & environment_of(name, given).keys()} == {"web"}
    assert [lane_of("GET", f"/archives/acme{BACK}"), lane_of("POST", LOGIN)] == ["issuer", "login"]
