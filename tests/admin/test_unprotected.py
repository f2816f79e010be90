"""What no signature protects: over https alone behind https, and said where it is not."""

import pytest
from django.test import Client

from packages_app.core.ports import Silent
from packages_app.publishing.root import client_commands, unprotected
from packages_app.services import adapters
from packages_app.services.publication.publish import publish

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
    publish("stable", Silent())
    pages = [embedded.bucket.read("index.html").decode(), as_member("Viewers").get("/admin/").content.decode()]
    for page in pages:
        assert ("is not https" in page) is (address != HTTPS)


def test_commands_of_the_terminal_say_so_too(embedded):
    [bootstrap] = adapters.definitions().bootstrap_packages()
    for package in (bootstrap, None):
        assert client_commands(HTTP, package, "tool")[0] == f"# {unprotected(HTTP)}"
        assert not any(line.startswith("#") for line in client_commands(HTTPS, package, "tool"))
