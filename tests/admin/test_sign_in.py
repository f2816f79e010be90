"""Sessions are seen and ended, and who keeps a browser open proves anew who he is before what matters most."""

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from packages_app.services.sign_in.browsers import browser_named
from packages_app.services.sign_in.note import NOTE
from packages_app.services.sign_in.sessions import handle_of
from tests.admin.rights import RIGHTS
from tests.admin.test_every_right import addresses, fill

PASSWORD = "correct-horse-battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# What asks for a proof anew; by GET a list is a list.
FRESH = {
    "packages_app_package_purge", "packages_app_publication_keys_work", "packages_app_publication_keys_lost",
    "packages_app_publication_keys_revocation", "auth_user_password_change",
    "packages_app_accesstoken_make", "packages_app_uploaderkey_give",
    "packages_app_accessgrant_give", "packages_app_accessgrant_changelist",
    "packages_app_trustedpublisher_trust", "packages_app_trustedpublisher_changelist",
    *(f"auth_{model}_{page}" for model in ("user", "group") for page in ("changelist", "add", "change", "delete")),
}  # fmt: skip
LISTS = {
    "auth_user_changelist", "auth_group_changelist", "packages_app_accessgrant_changelist",
    "packages_app_trustedpublisher_changelist",
}  # fmt: skip


@pytest.fixture
def anna(db):
    return User.objects.create_superuser("anna", password=PASSWORD)


def signed_in(name="anna", address="203.0.113.5", browser=FIREFOX):
    client = Client(REMOTE_ADDR=address, headers={"user-agent": browser})
    answer = client.post("/admin/login/", {"username": name, "password": PASSWORD})
    assert (answer.status_code, answer.url) == (302, "/admin/")
    return client


def key_of(client):
    return client.session.session_key


def out(client):
    return "/login/" in client.get("/admin/").headers.get("Location", "")


def grow_old(client, minutes=16):
    session = client.session
    session[NOTE] = {**session[NOTE], "proved": session[NOTE]["proved"] - 60 * minutes}
    session.save()


def test_each_ends_his_own_sessions_and_a_superuser_those_of_all_and_no_page_has_a_key(anna):
    berta = User.objects.create_user("berta", password=PASSWORD, is_staff=True)
    one, two, three, hers = signed_in(), signed_in(address="198.51.100.9"), signed_in(), signed_in("berta")
    hers_too = signed_in("berta")
    keys = [key_of(each) for each in (one, two, three, hers, hers_too)]
    pages = [one.get(reverse("admin:sessions")), one.get(reverse("admin:sessions") + "?all=1")]
    assert [len(page.context["sessions"]) for page in pages] == [3, 5]
    assert len(hers.get(reverse("admin:sessions") + "?all=1").context["sessions"]) == 2
    text = "".join(page.content.decode() for page in pages)
    assert [key for key in keys if key in text] == []
    seen = {(entry.noted.address, entry.browser, entry.is_this) for entry in pages[0].context["sessions"]}
    assert seen == {("203.0.113.5", "Firefox on Linux", is_this) for is_this in (True, False)} | {
        ("198.51.100.9", "Firefox on Linux", False)
    }
    end = reverse("admin:sessions_end")
    hers.post(end, {"session": handle_of(keys[0])})
    hers.post(end, {"user": anna.pk})
    assert not out(one), "another's session is not hers to end"
    one.post(end, {"session": handle_of(keys[1])})
    assert [out(each) for each in (one, two, three)] == [False, True, False]
    one.post(end, {"others": "1"})
    assert [out(each) for each in (one, three, hers)] == [False, True, False]
    one.post(end, {"session": handle_of(keys[3]), "all": "1"})
    assert [out(each) for each in (hers, hers_too)] == [True, False]
    one.post(end, {"user": berta.pk, "all": "1"})
    assert [out(each) for each in (one, hers_too)] == [False, True]


def test_a_password_changed_leaves_no_session_behind_in_the_list(anna):
    one, two = signed_in(), signed_in()
    anna.set_password(PASSWORD + "!")
    anna.save()
    assert Session.objects.count() == 2
    assert [out(one), out(two)] == [True, True]
    assert len(signed_in_anew(anna).get(reverse("admin:sessions")).context["sessions"]) == 1


def signed_in_anew(user):
    client = Client()
    client.force_login(user)
    client.get("/admin/")
    return client


def test_a_session_that_somebody_else_has_opened_is_not_signed_in_by_the_login(anna):
    planted, theirs = Client(), Client()
    planted.session.save()
    theirs.cookies["sessionid"] = planted.cookies["sessionid"].value
    theirs.post("/admin/login/", {"username": "anna", "password": PASSWORD})
    assert [out(theirs), out(planted)] == [False, True]


def test_keys_purges_and_rights_ask_anew_and_nothing_else_does(embedded, anna, tmp_path):
    fill(embedded, tmp_path)
    client = signed_in()
    grow_old(client)
    stale = set()
    for address in addresses():
        for method, allowed in zip(("get", "post"), RIGHTS[address.name], strict=True):
            if "root" not in allowed or address.name in ("logout", "login", "password_change"):
                continue
            answer = getattr(client, method)(address.path)
            if answer.status_code == 302 and answer.url.startswith(reverse("admin:confirm")):
                stale.add((address.name, method))
    asked = {
        (name, method)
        for name in FRESH
        for method, allowed in zip(("get", "post"), RIGHTS[name], strict=True)
        if "root" in allowed and (name, method) not in {(each, "get") for each in LISTS}
    }
    assert stale == asked


def test_what_was_asked_too_late_is_done_after_the_password_and_not_before(anna):
    client = signed_in()
    grow_old(client)
    new = {"username": "new", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    add = reverse("admin:auth_user_add")
    refused = client.post(add, new, headers={"referer": f"http://testserver{add}"})
    assert not User.objects.filter(username="new").exists()
    assert refused.url == f"{reverse('admin:confirm')}?next=%2Fadmin%2Fauth%2Fuser%2Fadd%2F&pressed=1"
    assert client.post(refused.url, {"password": "wrong", "next": add}).status_code == 200
    assert client.get(add).status_code == 302, "a wrong password proves nothing"
    proved = client.post(refused.url, {"password": PASSWORD, "next": add})
    assert (proved.status_code, proved.url) == (302, add)
    assert client.post(add, new).status_code == 302
    assert User.objects.filter(username="new").exists()


@pytest.mark.parametrize("to", ["https://evil.example.org/", "//evil.example.org", "javascript:alert(1)", "\\\\x", ""])
def test_the_proof_leads_to_no_other_server(anna, to):
    answer = signed_in().post(reverse("admin:confirm"), {"password": PASSWORD, "next": to})
    assert (answer.status_code, answer.url) == (302, "/admin/")


def test_guesses_at_the_proof_are_counted_as_those_at_the_login(anna):
    client = signed_in()
    answers = [client.post(reverse("admin:confirm"), {"password": "wrong"}).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 200, 429]
    assert client.post(reverse("admin:confirm"), {"password": PASSWORD}).status_code == 429
    assert "wrong" not in str(list(AccessAttempt.objects.values()))


@pytest.mark.parametrize(("said", "name"), [
    (FIREFOX, "Firefox on Linux"),
    ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0", "Edge on Windows"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1", "Safari on iPhone"),
    ("curl/8.5.0", "curl"),
    ("", "unknown"),
    ("x" * 500, "x" * 60),
])  # fmt: skip
def test_a_browser_is_named_as_people_name_it(said, name):
    assert browser_named(said) == name
