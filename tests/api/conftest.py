"""Callers of the API: a person's token, shown by a client as any other program would."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from packages_app.services.rights.tokens import make_token

OF_ALL = ("read", "upload", "hotfix", "bootstrap", "publish", "keys", "administer")
"""Every action."""


class Caller:
    """Calls the API with a token; answers are (status, JSON)."""

    def __init__(self, secret, prefix="/api/v1"):
        self.secret, self.prefix, self.client = secret, prefix, Client()

    def ask(self, method, path, body=None, **headers):
        """Send JSON, or no body; return the response, `said` with it."""
        shown = {"Authorization": f"Bearer {self.secret}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body)
        kind = headers.get("Content_Type", "application/json")
        response = self.client.generic(method, self.prefix + path, data, content_type=kind, headers=shown)
        response.said = json.loads(response.content) if "json" in response.headers.get("Content-Type", "") else None
        return response

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=None, **headers):
        return self.ask("POST", path, body, **headers)


@pytest.fixture
def root(db):
    return get_user_model().objects.create_superuser("root")


@pytest.fixture
def caller(embedded, root):
    """Make a caller: of actions, patterns, and an owner, root where none is named."""

    def make(*actions, packages=("*",), suites=("*",), owner=None):
        token, secret = make_token("ci", owner or root, actions=actions, packages=packages, suites=suites)
        made = Caller(secret)
        made.token = token
        return made

    return make
