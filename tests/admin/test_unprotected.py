"""What no signature protects: over https alone behind https, and said where it is not."""

import os

import pytest
from django.test import Client

from packages_app.core.home import make_home
from packages_app.core.ports import Silent
from packages_app.publishing.root import client_commands, unprotected
from packages_app.services import adapters
from packages_app.services.intake.build_bootstrap import build_and_take_in
from tests import prepared

HTTP, HTTPS = "http://apt.example.org", "https://apt.example.org"


@pytest.fixture
def behind_https(embedded, settings):
    settings.BEHIND_HTTPS = settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.ALLOWED_HOSTS = ["testserver"]
    for key in ("kiro-repo.deb", "kiro-archive-keyring.gpg", "index.html", "dists/stable/InRelease", "pool/main/x.deb"):
        embedded.bucket.put(key, b"x")
    return Client()


@pytest.mark.parametrize("key", ["", "index.html", "kiro-repo.deb", "kiro-archive-keyring.gpg", "distsx", "dists"])
def test_the_roots_files_go_over_https_alone(behind_https, key):
    answer = behind_https.get(f"/repository/{key}")
    assert (answer.status_code, answer.url) == (301, f"https://testserver/repository/{key}")
    found = behind_https.get(f"/repository/{key}", headers={"X-Forwarded-Proto": "https"})
    assert found.status_code == (404 if key.startswith("dists") else 200)


@pytest.mark.parametrize("key", ["dists/stable/InRelease", "pool/main/x.deb"])
def test_what_apt_checks_goes_over_http_too(behind_https, key):
    assert behind_https.get(f"/repository/{key}").status_code == 200


@pytest.mark.parametrize("key", ["dists/../kiro-repo.deb", "pool/%2e%2e/kiro-repo.deb", "dists//../index.html"])
def test_no_way_round_leads_to_the_root(behind_https, key):
    assert behind_https.get(f"/repository/{key}").status_code == 404


@pytest.mark.parametrize("address", [HTTP, HTTPS, "http://127.0.0.1:8000/repository"])
def test_an_address_without_https_says_so_wherever_commands_are_shown(embedded, as_member, settings, address):
    settings.PUBLIC_URL = address
    build_and_take_in("kiro-repo", "1.0.0", Silent())
    embedded.run_jobs()
    pages = [embedded.bucket.read("index.html").decode(), as_member("Viewers").get("/admin/").content.decode()]
    for page in pages:
        assert ("is not https" in page) is (address != HTTPS)


def test_commands_of_the_terminal_say_so_too(embedded):
    [bootstrap] = adapters.definitions().bootstrap_packages()
    for package in (bootstrap, None):
        assert client_commands(HTTP, package, "tool")[0] == f"# {unprotected(HTTP)}"
        assert not any(line.startswith("#") for line in client_commands(HTTPS, package, "tool"))


ASK = """
import django
django.setup()
from django.test import Client
from packages_app.services import adapters
for key in ("kiro-repo.deb", "dists/stable/InRelease"):
    adapters.bucket().create()
    adapters.bucket().put(key, b"x")
    for proto in ("http", "https"):
        answer = Client().get(f"/repository/{key}", headers={"X-Forwarded-Proto": proto})
        print(key, proto, answer.status_code, answer.headers.get("Strict-Transport-Security", ""))
"""


@pytest.mark.parametrize("behind", [True, False])
def test_one_setting_says_that_a_proxy_speaks_https(tmp_path, behind):
    make_home(tmp_path)
    environment = {
        "PATH": os.environ["PATH"], "REPOMGR_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "repomgr.settings",
        "BEHIND_HTTPS": str(behind).lower(), "ALLOWED_HOSTS": "testserver", "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    done = prepared.run(("-c", ASK), env=environment)
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    found = {(key, proto): (status, bool(hsts)) for key, proto, status, *hsts in said}
    assert found == {
        ("kiro-repo.deb", "http"): ("301" if behind else "200", False),
        ("kiro-repo.deb", "https"): ("200", behind),
        ("dists/stable/InRelease", "http"): ("200", False),
        ("dists/stable/InRelease", "https"): ("200", behind),
    }
