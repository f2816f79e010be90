"""What browsers are told, by the admin's pages and by the repository's."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client


def policy(response):
    """Give a response's Content-Security-Policy by directive."""
    parts = (part.split() for part in response["Content-Security-Policy"].split("; "))
    return {name: set(values) for name, *values in parts}


@pytest.fixture
def admin(embedded):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("anna", password="x"))
    return client


@pytest.mark.parametrize("address", ["/admin/login/", "/admin/", "/admin/packages_app/package/", "/nowhere"])
def test_a_page_runs_only_this_servers_scripts_and_stands_in_no_frame(admin, address):
    response = admin.get(address)
    found = policy(response)
    assert found["default-src"] == {"'self'"}
    assert found["script-src"] == {"'self'", "'unsafe-eval'"}
    for name in ("object-src", "frame-ancestors", "script-src-attr"):
        assert found[name] == {"'none'"}
    assert found["base-uri"] == found["form-action"] == {"'self'"}
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]


def test_no_page_has_a_script_in_its_text(admin):
    for address in ("/admin/login/", "/admin/", "/admin/packages_app/package/upload/"):
        page = admin.get(address).content.decode()
        assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) == []
        assert re.findall(r"<[^>]*\son[a-z]+=", page) == []


def test_cookies_are_for_the_server_alone(embedded, client):
    get_user_model().objects.create_superuser("anna", password="right")
    client.get("/admin/login/")
    client.post("/admin/login/", {"username": "anna", "password": "right"})
    assert {"sessionid", "csrftoken"} <= client.cookies.keys()
    for name in ("sessionid", "csrftoken"):
        assert client.cookies[name]["httponly"]
        assert client.cookies[name]["samesite"] == "Lax"


@pytest.mark.parametrize("path", ["", "dists/stable/InRelease", "nothing"])
def test_the_repository_gives_no_cookie_and_a_policy_that_runs_nothing(embedded, admin, path):
    embedded.bucket.put("index.html", b"<html>")
    embedded.bucket.put("dists/stable/InRelease", b"x")
    for client in (Client(), admin):
        response = client.get(f"/repository/{path}")
        assert policy(response)["default-src"] == {"'none'"}
        assert "script-src" not in policy(response)
        assert response.cookies == {}
        # A cache between apt and the repository keeps one copy for all.
        assert "Cookie" not in response.get("Vary", "")
        assert response["X-Content-Type-Options"] == "nosniff"
