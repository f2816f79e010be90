"""A running product for the client's tests, with tokens, and the client as a process beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml

from tests import prepared
from tests.apt.running import Running, running
from tests.client.front import Front
from tests.stack import REPOSITORY, write_definition

_TOKENS = """
import django, datetime, json
django.setup()
from django.contrib.auth import get_user_model
from django.utils import timezone
from packages_app.services.rights.tokens import make_token
root = get_user_model().objects.get_or_create(username="ci", is_superuser=True)[0]
every = ("read", "upload", "publish")
made = {
    "whole": make_token("whole", root, actions=every),
    "reads": make_token("reads", root, actions=("read",)),
    "expired": make_token("expired", root, actions=every),
    **{f"one of many {number}": make_token(f"ci {number}", root, actions=every) for number in range(16)},
}
row = made["expired"][0]
row.expires = timezone.now() - datetime.timedelta(days=1)
row.save()
print(json.dumps({name: secret for name, (_, secret) in made.items()}))
"""


@dataclass(frozen=True)
class Done:
    """How the client ended."""

    code: int
    out: str
    err: str
    said: Any


@dataclass(frozen=True)
class Product:
    """The product, and the secrets of tokens by their names."""

    running: Running
    tokens: dict[str, str]

    def client(self, *words: object, token: str = "whole", as_json: bool = True, **environment: str) -> Done:
        """Run the client to its end; no secret of a token may be in what it says."""
        shown = {"REPOMGR_TOKEN": self.tokens[token]} if token else {}
        own = {"PATH": os.environ["PATH"], "REPOMGR_SERVER": self.running.url, **shown, **environment}
        command = [sys.executable, "-m", "repomgr_client", *map(str, words), *(["--json"] if as_json else [])]
        ended = subprocess.run(
            command, env=own, cwd=REPOSITORY, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        told = ended.stdout + ended.stderr
        assert [name for name, secret in self.tokens.items() if secret in told] == []
        assert "Traceback" not in told, told
        return Done(ended.returncode, ended.stdout, ended.stderr, json.loads(ended.stdout) if as_json else None)

    def publications(self, suite: str) -> list[dict[str, Any]]:
        """Return a suite's publications, as the API has them."""
        shown = {"Authorization": f"Bearer {self.tokens['whole']}"}
        address = f"{self.running.url}/api/v1/publications?suite={suite}&limit=500"
        items: list[dict[str, Any]] = httpx.get(address, headers=shown).json()["items"]
        return items


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory, migrated: Any) -> Iterator[Product]:
    """The product with packages that take uploads, and suites stable and testing, for all tests of the folder."""
    with running(tmp_path_factory.mktemp("client"), database=migrated) as started:
        yield product_of(started)


def product_of(started: Running) -> Product:
    """Give what was started definitions, two suites, and tokens."""
    for name in ("tool", "acme-lib", "acme-two", "other", "many"):
        write_definition(started.config, name, {"type": "build_script", "staging_prefix": name})
    repository = started.config / "repository.yaml"
    said = yaml.safe_load(repository.read_text())
    said["suites"].append({**said["suites"][0], "name": "testing", "codename": "testing"})
    repository.write_text(yaml.safe_dump(said))
    done = prepared.run(("-c", _TOKENS), env={**started.environment, "DJANGO_SETTINGS_MODULE": "repomgr.settings"})
    assert done.returncode == 0, done.stderr
    return Product(started, json.loads(done.stdout))


@pytest.fixture
def front(product: Product) -> Iterator[Front]:
    """What stands before the product."""
    with Front(product.running.url, product.tokens["whole"]) as front:
        yield front
