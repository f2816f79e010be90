"""A web process of its own, and people who use it over HTTP with a browser's cookies and forms."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from packages_app.core.home import make_home
from repomgr.servers.process import free_port, listens, process, wait_until
from tests.stack import REPOSITORY

PASSWORD = "correct-horse-battery"
LOGIN = "/admin/login/"
_BEGIN = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import Group, User
from packages_app.services.setup.groups import ensure_groups
ensure_groups()
for name, group in {people!r}.items():
    user = User(username=name, is_staff=True, is_superuser=group == "root", email=name + "@example.org")
    user.set_password({password!r})
    user.save()
    user.groups.add(*Group.objects.filter(name=group))
"""


@dataclass(frozen=True)
class Web:
    """A web process: its address, its database, and the environment of commands beside it."""

    url: str
    database: Path
    environment: dict[str, str]

    def manage(self, *arguments: str) -> tuple[int, str]:
        """Run a command beside it; give its exit code and what it said."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr


def rows(web: Web, query: str, *values: Any) -> list[Any]:
    """Give what a query finds in a web process's database, or change it there."""
    with sqlite3.connect(web.database) as database:
        return database.execute(query, values).fetchall()


@contextmanager
def serving(folder: Path, database: Path, people: dict[str, str], **settings: str) -> Iterator[Web]:
    """Serve a home with a copy of a database, brought up to what settings need; people are names with their group."""
    home, port = folder / "home", free_port()
    make_home(home)
    shutil.copy(database, home)
    host = settings.pop("host", "127.0.0.1")
    environment = {
        **os.environ,
        "REPOMGR_HOME": str(home),
        "PORT": str(port),
        "DJANGO_SETTINGS_MODULE": "repomgr.settings",
        **settings,
    }
    web = Web(f"http://{host}:{port}", home / database.name, environment)
    begin = [sys.executable, "-c", _BEGIN.format(people=people, password=PASSWORD)]
    subprocess.run(begin, env=environment, cwd=REPOSITORY, check=True)
    with _answering(web, port):
        yield web


@contextmanager
def beside(web: Web) -> Iterator[Web]:
    """Serve the same home by a second process, as a second host would."""
    port = free_port()
    second = Web(f"http://127.0.0.1:{port}", web.database, {**web.environment, "PORT": str(port)})
    with _answering(second, port):
        yield second


@contextmanager
def _answering(web: Web, port: int) -> Iterator[None]:
    with process(sys.executable, "-m", "repomgr.processes", "web", env=web.environment, cwd=REPOSITORY):
        wait_until(lambda: listens(port), "the web process", 120)
        yield


class Person:
    """Somebody with a browser, at an address of his own."""

    def __init__(self, web: Web, address: str = "127.0.0.1") -> None:
        transport = httpx.HTTPTransport(local_address=address)
        self.browser = httpx.Client(base_url=web.url, transport=transport, timeout=60)

    def get(self, path: str) -> httpx.Response:
        return self.browser.get(path)

    def post(self, path: str, form: str = LOGIN, **fields: Any) -> httpx.Response:
        """Post a form, with the token that the browser was given."""
        if "csrftoken" not in self.browser.cookies:
            self.browser.get(form)
        return self.browser.post(path, data={**fields, "csrfmiddlewaretoken": self.browser.cookies["csrftoken"]})

    def log_in(self, name: str, password: str = PASSWORD, to: str = "/admin/") -> httpx.Response:
        return self.post(LOGIN, username=name, password=password, next=to)

    @property
    def session(self) -> str:
        return self.browser.cookies.get("sessionid", "")

    def is_in(self) -> bool:
        return not self.get("/admin/").headers.get("Location", "").startswith(LOGIN)


def secret_of(page: httpx.Response) -> str:
    """Give the secret that the page of an authenticator app shows."""
    found = re.search(r'<code id="secret">([A-Z2-7]+)</code>', page.text)
    assert found is not None, page.text
    return found[1]


def present_step() -> int:
    """Give the number of the present step of 30 s, of which some seconds are left (RFC 6238, 4.2)."""
    left = 30 - time.time() % 30
    if left < 8:
        time.sleep(left)
    return int(time.time()) // 30


def code_of(secret: str, step: int) -> str:
    """Give what an authenticator app shows in a step (RFC 6238, 4.2; RFC 4226, 5.3)."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1)
    at = digest[-1] & 15
    return str((int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF) % 1_000_000).zfill(6)
