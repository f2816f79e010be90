"""A second factor counts once, can't be guessed at, and who must have one does nothing before; over real HTTP."""

import re

import pytest

from tests.web_clients import PASSWORD, Person, beside, code_of, present_step, rows, secret_of, serving

PEOPLE = {
    "peter": "Publishers", "paula": "Publishers", "root": "root", "vera": "Viewers", "ulla": "Uploaders",
    "late": "Publishers", "locked": "Publishers", "lost": "Publishers", "boss": "root",
    "told": "Publishers", "waits": "Publishers",
}  # fmt: skip
SHOW, APP, FACTORS, CODES = (f"/admin/second-factor/{page}" for page in ("show/", "app/", "", "codes/"))
CONFIRM = "/admin/confirm/"


@pytest.fixture(scope="module")
def web(tmp_path_factory, migrated):
    settings = {"SECOND_FACTOR": "required-for-publishers", "LOGIN_ATTEMPTS": "5"}
    with serving(tmp_path_factory.mktemp("factor"), migrated, PEOPLE, **settings) as web:
        yield web


def set_up(person, name, step=None):
    """Log in and set up an app, by the code of a step; give its secret and the recovery codes."""
    person.log_in(name)
    secret = secret_of(person.get(APP))
    taken = person.post(APP, code=code_of(secret, step or present_step()))
    assert (taken.status_code, taken.headers["Location"]) == (302, CODES), taken.text
    codes = re.findall(r"^\d{8}$", person.get(CODES).text.replace(">", ">\n"), re.MULTILINE)
    assert len(codes) == 10
    return secret, codes


def test_a_publisher_does_nothing_before_he_has_set_one_up(web):
    person, other = Person(web), Person(web)
    assert [each.log_in("peter").headers["Location"] for each in (person, other)] == ["/admin/", "/admin/"]
    shut = ("/admin/", "/admin/packages_app/package/", "/admin/sessions/", "/admin/password_change/", CODES)
    assert {person.get(path).headers.get("Location") for path in shut} == {FACTORS}
    posted = ("/admin/packages_app/publication/publish/", "/admin/sessions/end/", "/admin/second-factor/codes/new/")
    assert {person.post(path, suite="stable").headers.get("Location") for path in posted} == {FACTORS}
    assert 'role="alert"' in person.get(FACTORS).text
    secret = secret_of(person.get(APP))
    assert person.post(APP, code="000000").status_code == 200
    assert person.get("/admin/").headers["Location"] == FACTORS
    person.post(APP, code=code_of(secret_of(person.get(APP)), present_step()))
    assert (person.get("/admin/").status_code, other.is_in()) == (200, False), "his other sessions had none"
    shown = [re.search(r"\d{8}", person.get(CODES).text) is not None for _ in range(2)]
    assert shown == [True, False], "recovery codes are shown once"
    assert secret not in str(rows(web, "SELECT data FROM mfa_authenticator"))


def test_each_code_counts_once_and_until_then_he_is_nobody(web):
    first, step = Person(web), present_step()
    secret, codes = set_up(first, "paula", step - 1)
    person = Person(web)
    assert person.log_in("paula", to="https://evil.example.org/").headers["Location"] == SHOW
    pending = person.session
    assert (person.is_in(), first.is_in()) == (False, True)
    assert person.post(SHOW, code=code_of(secret, step - 1)).status_code == 200, "it was spent where the app was set up"
    let_in = person.post(SHOW, code=code_of(secret, step))
    assert (let_in.status_code, let_in.headers["Location"]) == (302, "/admin/"), "and to no other server"
    assert person.is_in()
    assert person.session != pending
    with beside(web) as host:
        again = Person(host)
        again.log_in("paula")
        assert again.post(SHOW, code=code_of(secret, step)).status_code == 200, (
            "seen over the shoulder, on another host"
        )
        assert again.post(SHOW, code=codes[0]).status_code == 302
    third = Person(web)
    third.log_in("paula")
    assert third.post(SHOW, code=codes[0]).status_code == 200
    assert not third.is_in()
    assert third.post(SHOW, code=code_of(secret, step + 9)).status_code == 200, "of minutes from now"
    assert third.post(SHOW, code=code_of(secret, step + 1)).status_code == 302
    assert Person(web).get(SHOW).headers["Location"].startswith("/admin/login/")


def test_what_matters_most_asks_for_the_factor_and_not_for_the_password(web):
    person = Person(web)
    _, codes = set_up(person, "root")
    assert person.post(CONFIRM, password=PASSWORD, next=FACTORS).status_code == 200
    assert person.post(CONFIRM, code=codes[3], next=FACTORS).headers["Location"] == FACTORS
    assert person.post(f"{APP}remove/").status_code == 200, "the last one of who must have it stays"
    assert rows(
        web, "SELECT count(*) FROM mfa_authenticator a JOIN auth_user u ON u.id = a.user_id WHERE u.username = 'root'"
    ) == [(2,)]
    closed = (
        "/accounts/signup/",
        "/admin/signup/",
        "/admin/password/reset/",
        "/admin/email/",
        "/admin/reauthenticate/",
        "/admin/account/emailaddress/",
        "/admin/mfa/authenticator/",
        "/admin/second-factor/webauthn/login/",
    )
    assert {path: person.get(path).status_code for path in closed} == dict.fromkeys(closed, 404)


def test_who_need_not_have_one_is_not_asked(web):
    for name in ("vera", "ulla"):
        person = Person(web)
        person.log_in(name)
        assert [person.get(path).status_code for path in ("/admin/", FACTORS)] == [200, 200]


def test_guesses_lock_as_those_at_a_password_do_and_say_nothing_of_it(web):
    set_up(Person(web, "127.0.0.9"), "locked")
    person = Person(web, "127.0.0.10")
    person.log_in("locked")
    answers = [person.post(SHOW, code="123456").status_code for _ in range(6)]
    assert answers == [200, 200, 200, 200, 429, 429]
    again = Person(web, "127.0.0.10")
    assert again.log_in("locked").status_code == 429
    assert Person(web, "127.0.0.11").log_in("locked").headers["Location"] == SHOW
    assert "123456" not in str(rows(web, "SELECT * FROM axes_accessattempt"))


def test_whoever_runs_the_server_lets_in_who_has_lost_it(web):
    person = Person(web)
    set_up(person, "lost")
    assert web.manage("reset_second_factor", "nobody")[0] == 2
    assert web.manage("reset_second_factor", "lost")[0] == 0
    assert not person.is_in(), "and ends his sessions"
    again, root = Person(web), Person(web)
    set_up(again, "lost")
    set_up(root, "boss")
    [(lost,)] = rows(web, "SELECT id FROM auth_user WHERE username = 'lost'")
    root.post("/admin/auth/user/", action="take_factors_away", _selected_action=lost)
    assert not again.is_in()
    again.log_in("lost")
    assert again.get("/admin/").headers["Location"] == FACTORS


def test_each_step_has_its_line_in_the_audit_trail_without_what_was_typed(web):
    _, codes = set_up(Person(web), "told")
    [(last,)] = rows(web, "SELECT max(id) FROM packages_app_auditentry")
    person = Person(web)
    for name, password in (("typed-password", "x"), ("told", "wrong"), ("told", PASSWORD)):
        person.log_in(name, password)
    for code in ("31415926", codes[0]):
        person.post(SHOW, code=code)
    person.post(CONFIRM, form=CONFIRM, code="27182818")
    person.post(SHOW, code=codes[1])
    Person(web).get(SHOW)
    told = "SELECT what, result, actor, subject, given FROM packages_app_auditentry"
    assert rows(web, f"{told} WHERE id > {last} ORDER BY id") == [
        ("sign_in", "refused", "", "(unknown)", ""),
        ("sign_in", "refused", "", "told", ""),
        ("sign_in", "shown", "", "told", ""),
        ("sign_in", "refused", "", "told", ""),
        ("sign_in", "done", "told", "told", ""),
        ("confirm", "refused", "told", CONFIRM, ""),
        ("sign_in", "shown", "told", "(unknown)", ""),
    ]
    assert '"code":' not in str(rows(web, told)), "nor of the app that was set up"


def test_a_sign_in_that_waits_for_a_code_ends_with_sessions_password_and_account(web):
    first, ended, off = Person(web), Person(web), Person(web)
    _, codes = set_up(first, "waits")
    assert ended.log_in("waits").headers["Location"] == SHOW
    first.post("/admin/sessions/end/", form="/admin/sessions/", others="1")
    assert ended.post(SHOW, form="/admin/login/", code=codes[0]).headers["Location"].startswith("/admin/login/")
    ended.log_in("waits")
    changed = {"old_password": PASSWORD, "new_password1": "another-horse-0", "new_password2": "another-horse-0"}
    assert first.post("/admin/password_change/", form="/admin/", **changed).status_code == 302
    assert ended.post(SHOW, code=codes[0]).headers["Location"] == "/admin/login/", "by the password that was"
    off.log_in("waits", "another-horse-0")
    rows(web, "UPDATE auth_user SET is_active = 0 WHERE username = 'waits'")
    assert off.post(SHOW, code=codes[1]).headers["Location"] == "/admin/login/"
    told = "SELECT what, result, subject FROM packages_app_auditentry ORDER BY id DESC LIMIT 1"
    assert rows(web, told) == [("sign_in", "refused", "waits")]


LATER = """
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
for row in Session.objects.all():
    session = SessionStore(row.pk)
    if "repomgr_sign_in" in session:
        session["repomgr_sign_in"]["proved"] -= 3600
        session.save()
"""


def test_each_page_is_for_who_is_signed_in_and_has_just_proved_it(web):
    pages = (APP, f"{APP}remove/", "/admin/second-factor/key/", CODES, f"{CODES}new/")
    stranger, pending, person = Person(web), Person(web), Person(web)
    set_up(person, "late")
    pending.log_in("late")
    for each in (stranger, pending):
        for page in (*pages, FACTORS):
            assert each.get(page).headers["Location"].startswith("/admin/login/"), page
    assert web.manage("shell", "--no-imports", "-c", LATER) == (0, "")
    assert person.get(FACTORS).status_code == 200
    for page in pages:
        assert [ask(page).headers["Location"].partition("?")[0] for ask in (person.get, person.post)] == [
            CONFIRM
        ] * 2, page


def test_the_tables_are_those_of_the_applications(web):
    assert web.manage("makemigrations", "--check", "--dry-run")[0] == 0
    assert web.manage("check")[0] == 0
