"""Single sign-on by a real SAML identity provider over HTTP: each condition counts, and an answer counts once."""

import copy

import httpx
import pytest
from lxml import etree

from tests.saml_provider import SAML, SPACES, IdentityProvider, stamp
from tests.web_clients import Person, beside, rows, serving

BEGIN, ANSWER, LOGIN = "/admin/single-sign-on/", "/admin/single-sign-on/answer/", "/admin/login/"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


@pytest.fixture(scope="module")
def served(tmp_path_factory, migrated):
    with IdentityProvider() as provider:
        settings = {
            "SIGN_IN_SAML_METADATA": f"{provider.url}/metadata", "SIGN_IN_SAML_NAME": "Acme",
            "SIGN_IN_SAML_GROUPS": "staff=Viewers,release=Publishers,owners=superusers",
            "SIGN_IN_PASSWORDS": "superusers",
        }  # fmt: skip
        with serving(tmp_path_factory.mktemp("saml"), migrated, {"anna": "Publishers"}, **settings) as web:
            yield web, provider


@pytest.fixture
def web(served):
    return served[0]


@pytest.fixture
def provider(served):
    served[1].begin_anew()
    return served[1]


def answered(person, provider, to="", again=""):
    sent = person.get(f"{BEGIN}?next={to}&again={again}")
    assert sent.status_code == 302
    return provider.answer_to(sent.headers["Location"])


def shown(web, at, answer, **fields):
    """Post an answer as the identity provider's page does: without a cookie."""
    return httpx.post(at, data={"SAMLResponse": answer, **fields})


def come(web, person, provider, **asked):
    """Sign in; give where the browser ends."""
    sent = shown(web, *answered(person, provider, **asked), RelayState="https://evil.example.org/")
    assert sent.status_code == 302, sent.text
    assert "Set-Cookie" not in sent.headers
    return person.get(sent.headers["Location"]).headers["Location"]


def rights_of(web, subject):
    return rows(
        web,
        "SELECT u.username, u.is_superuser, group_concat(g.name) FROM auth_user u"
        " JOIN socialaccount_socialaccount s ON s.user_id = u.id LEFT JOIN auth_user_groups m ON m.user_id = u.id"
        " LEFT JOIN auth_group g ON g.id = m.group_id WHERE s.uid = ? GROUP BY u.id",
        subject,
    )


def test_an_account_is_of_issuer_and_subject_and_has_the_providers_groups(web, provider):
    person = Person(web)
    provider.said = {"name": "anna@example.org", "groups": ["release", "unknown"]}
    assert come(web, person, provider, to="/admin/sessions/") == "/admin/sessions/"
    [(name, superuser, groups)] = rights_of(web, "anna@example.org")
    assert (name != "anna", superuser, groups) == (True, 0, "Publishers")
    provider.sign = lambda answer: provider.signed(answer, part=".")
    provider.said = {"name": "anna@example.org", "groups": ["owners"]}
    assert come(web, person, provider, to="https://evil.example.org/") == "/admin/"
    assert rights_of(web, "anna@example.org") == [(name, 1, None)]
    provider.said = {"name": "anna@example.org", "groups": []}
    assert come(web, Person(web), provider) == LOGIN
    assert rights_of(web, "anna@example.org") == [(name, 0, None)]
    assert not person.is_in(), "who lost his groups is out"
    trail = rows(web, "SELECT what, result, actor, subject, given FROM packages_app_auditentry ORDER BY id")
    assert "SAMLResponse" not in str(trail)
    assert [line for line in trail if line[0] == "sign_in"] == [
        *[("sign_in", "done", name, name, '{"by":"Acme"}')] * 2, ("sign_in", "refused", "", name, ""),
    ]  # fmt: skip


def wrapped(provider, name):
    """Put what was signed where nobody reads it, and another assertion, of the same name or not, in its place."""

    def wrap(answer):
        signed = provider.signed(answer).find("saml:Assertion", SPACES)
        whole = copy.deepcopy(answer)
        evil = copy.deepcopy(signed)
        evil.set("ID", name or signed.get("ID"))
        evil.find(".//saml:NameID", SPACES).text = "root"
        signature = evil.find("ds:Signature", SPACES)
        etree.SubElement(signature, f"{{{SPACES['ds']}}}Object").append(signed)
        whole.replace(whole.find("saml:Assertion", SPACES), evil)
        return whole

    return wrap


def changed(provider):
    def change(answer):
        done = provider.signed(answer)
        done.find(".//saml:NameID", SPACES).text = "root"
        return done

    return change


def encrypted(answer):
    answer.find("saml:Assertion", SPACES).tag = f"{{{SAML}}}EncryptedAssertion"
    return answer


@pytest.mark.parametrize(("said", "sign", "named"), [
    ({"audience": "https://other.example.org/"}, None, "audience"),
    ({"audience": None}, None, "audience"),
    ({"recipient": "https://other.example.org/"}, None, "confirmation"),
    ({"recipient": None}, None, "recipient"),
    ({"recipient": "https://evil.example.org/?{at}"}, None, "recipient"),
    ({"destination": "https://other.example.org/"}, None, "destination"),
    ({"destination": "{at}evil"}, None, "destination"),
    ({"request": None}, None, "in_response_to"),
    ({"request": None, "answers": None}, None, "in_response_to"),
    ({"answers": "_other", "request": "_another"}, None, "confirmation"),
    ({"before": 1800}, None, "not_before"),
    ({"before": 200}, None, "not_before"),
    ({"after": -1800}, None, "not_on_or_after"),
    ({"after": -200}, None, "not_on_or_after"),
    ({"until": -5}, None, "confirmation"),
    ({"until": None}, None, "not_on_or_after"),
    ({"issuer": "https://other.example.org/"}, None, "issuer"),
    ({"format": TRANSIENT}, None, "subject"),
    ({"name": "x" * 192}, None, "subject"),
    ({}, lambda provider: lambda answer: answer, "signature"),
    ({}, lambda provider: lambda answer: provider.signed(answer, key=provider.other), "signature"),
    ({}, changed, "signature"),
    ({}, lambda provider: provider.by_sha1, "algorithm"),
    ({}, lambda provider: wrapped(provider, "evil"), "assertion"),
    ({}, lambda provider: wrapped(provider, ""), "assertion"),
    ({}, lambda provider: encrypted, "encrypted"),
])  # fmt: skip
def test_each_condition_counts(web, provider, said, sign, named):
    person, before = Person(web), rows(web, "SELECT count(*) FROM auth_user")
    at = f"{web.url}{ANSWER}"
    written = {int: stamp, str: lambda value: value.format(at=at)}
    provider.said = {name: written.get(type(value), lambda value: value)(value) for name, value in said.items()}
    provider.sign = sign(provider) if sign else provider.sign
    refused = shown(web, *answered(person, provider))
    assert (refused.status_code, f"({named})" in refused.text, "Set-Cookie" in refused.headers) == (403, True, False)
    assert rows(web, "SELECT count(*) FROM auth_user") == before
    last = "SELECT what, result, subject, code, after FROM packages_app_auditentry ORDER BY id DESC LIMIT 1"
    assert rows(web, last) == [("sign_in", "refused", "(unknown)", "single_sign_on_refused", f'{{"error":"{named}"}}')]


def test_an_answer_counts_once_and_in_the_browser_that_asked(web, provider):
    person, other = Person(web), Person(web)
    at, answer = answered(person, provider)
    finish = shown(web, at, answer).headers["Location"]
    assert "(replayed)" in shown(web, at, answer).text
    assert person.get(finish).headers["Location"] == "/admin/"
    assert person.is_in()
    assert other.get(finish).headers["Location"] == LOGIN
    finish = shown(web, *answered(person, provider)).headers["Location"]
    assert other.get(finish).headers["Location"] == LOGIN, "whose request it does not answer"
    assert "(in_response_to)" in other.get(LOGIN).text
    assert person.get(finish).headers["Location"] == LOGIN, "again"
    provider.said = {"answers": None, "request": "_made-up"}
    assert other.get(shown(web, *answered(other, provider)).headers["Location"]).headers["Location"] == LOGIN
    assert not other.is_in()
    assert {
        shown(web, at, text).status_code
        for text in ("", "x", "PGE+", "PCFET0NUWVBFIGEgWzwhRU5USVRZIGIgImMiPl0+PGE+JmI7PC9hPg==")
    } == {403}
    assert person.get(ANSWER).status_code == 405


def test_an_answer_counts_once_whichever_host_it_is_shown_to(web, provider):
    person = Person(web)
    at, answer = answered(person, provider)
    first = {"Host": web.url.partition("//")[2]}
    with beside(web) as second:
        elsewhere = second.url + ANSWER
        assert "(destination)" in shown(second, elsewhere, answer).text, "it was meant for the first"
        taken = httpx.post(elsewhere, data={"SAMLResponse": answer}, headers=first)
        assert taken.status_code == 302
        assert "(replayed)" in shown(web, at, answer).text
        assert person.get(taken.headers["Location"]).headers["Location"] == "/admin/"


def test_an_answer_that_counts_for_ever_is_kept_for_a_day(web, provider):
    provider.said = {"until": "9999-12-31T23:59:59Z"}
    assert come(web, Person(web), provider) == "/admin/"
    assert rows(web, "SELECT count(*) FROM django_session WHERE expire_date > datetime('now', '2 days')") == [(0,)]


def test_each_archive_is_known_by_an_address_of_its_own(tmp_path, migrated, provider):
    settings = {
        "ARCHIVES": "default: {}\nother: {}", "SIGN_IN_SAML_METADATA": f"{provider.url}/metadata",
        "SIGN_IN_SAML_GROUPS": "staff=Viewers",
    }  # fmt: skip
    with serving(tmp_path, migrated, {}, **settings) as web:
        person, below = Person(web), "/archives/other"
        sent = person.get(f"{below}{BEGIN}?next={below}/admin/sessions/").headers["Location"]
        at, answer = provider.answer_to(sent)
        assert at == f"{web.url}{below}{ANSWER}"
        assert "(destination)" in shown(web, web.url + ANSWER, answer).text, "it is another's"
        finish = shown(web, at, answer).headers["Location"]
        assert person.get(finish).headers["Location"] == f"{below}/admin/sessions/"
        assert person.get(f"{below}/admin/sessions/").status_code == 200
        said = etree.fromstring(person.get(f"{below}/admin/single-sign-on/metadata/").content)
        assert said.get("entityID") == f"{web.url}{below}/admin/single-sign-on/metadata/"


def test_a_comment_cuts_no_name(web, provider):
    provider.said = {"name": "root@acme.example<!-- -->.evil.example"}
    assert come(web, Person(web), provider) == "/admin/"
    assert len(rights_of(web, "root@acme.example.evil.example")) == 1
    assert rights_of(web, "root@acme.example") == []


def test_what_matters_most_asks_anew_and_believes_the_instant_alone(web, provider):
    person, fresh = Person(web), "/admin/auth/user/add/"
    provider.said = {"name": "s-11", "groups": ["owners"], "instant": stamp(-7200)}
    come(web, person, provider)
    assert provider.asked.get("ForceAuthn") is None
    assert person.get(fresh).headers["Location"].startswith("/admin/confirm/")
    assert come(web, person, provider, to=fresh, again="1") == LOGIN
    assert provider.asked.get("ForceAuthn") == "true"
    for wrong in ({"name": "s-12"}, {"name": "s-11", "instant": stamp(3600)}):
        provider.said = {"groups": ["owners"], **wrong}
        assert come(web, person, provider, to=fresh, again="1") == LOGIN
    provider.said = {"name": "s-11", "groups": ["owners"]}
    assert come(web, person, provider, to=fresh, again="1") == fresh
    assert person.get(fresh).status_code == 200


def test_no_address_begins_sign_ins_without_end(web, provider):
    stranger = Person(web, "127.0.0.7")
    let_in = 0  # two more a second, so that a slow server comes to more
    while let_in < 500 and (answer := stranger.get(BEGIN)).status_code == 302:
        let_in += 1
    assert 120 <= let_in < 500
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert Person(web).get(BEGIN).status_code == 302


def test_the_servers_own_metadata_says_where_answers_go(web, provider):
    said = etree.fromstring(Person(web).get("/admin/single-sign-on/metadata/").content)
    assert said.get("entityID") == f"{web.url}/admin/single-sign-on/metadata/"
    assert f"{web.url}{ANSWER}" in said.xpath("//@Location")
    assert said.get("validUntil") is None
