"""A repository with a name of its own says the shipped one's nowhere: not to clients, not on a page, not to a cloud."""

import gzip
import lzma
import re
import subprocess
from string import Template

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from packages_app.core.identity import identity
from packages_app.core.ports import Silent
from packages_app.services import adapters
from packages_app.services.setup.first_start import first_start
from packages_app.services.setup.own_configuration import make_own_configuration
from tests.admin.rights import ENDING
from tests.admin.test_every_right import addresses, fill
from tests.stack import REPOSITORY, point_settings_at

SHIPPED = re.compile(rb"kiro(?!v)", re.IGNORECASE)  # the clock of Europe/Kirov is on a page


@pytest.fixture
def acme(tmp_path, settings, db):
    """A repository of its own name with a row for every page."""
    home = tmp_path / "home"
    settings.HOME, settings.OWN_CONFIG_DIR, settings.PUBLIC_URL = home, home / "config", "https://apt.example.org"
    make_own_configuration(identity("Acme", suites=["trixie", "edge"], url=settings.PUBLIC_URL))
    stack = point_settings_at(settings, home)
    first_start(Silent(), watched=False)
    fill(stack, tmp_path)
    return stack


def said_to_clients(bucket):
    """Each key of the bucket with all that a client reads there: packages and compressed indexes are opened."""
    for key, _ in bucket.keys(""):
        body = bucket.read(key)
        if key.endswith(".deb"):
            for part in ("--ctrl-tarfile", "--fsys-tarfile"):
                with bucket.open(key) as file:
                    body += subprocess.run(
                        ["dpkg-deb", part, "/dev/stdin"], stdin=file, capture_output=True, check=True
                    ).stdout
        yield key, key.encode() + body + opened(body)


def opened(body):
    if body.startswith(b"\x1f\x8b"):
        return gzip.decompress(body)
    return lzma.decompress(body) if body.startswith(b"\xfd7zXZ") else b""


def test_nothing_of_the_shipped_name_is_in_key_objects_pages_or_policies(acme):
    said = dict(said_to_clients(acme.bucket))
    assert {"acme-repo.deb", "acme-archive-keyring.gpg", "index.html", "dists/edge/InRelease"} <= said.keys()
    assert b"Acme" in said["dists/trixie/InRelease"]
    said["signing key"] = adapters.signer().public_keyring()
    assert b"Acme archive signing key" in said["signing key"]
    said |= dict(pages())
    assert b"acme-repo" in said["/admin/packages_app/package/"]
    said |= dict(of_a_cloud((acme.config / "terraform.tfvars").read_text()))
    assert [name for name, text in said.items() if SHIPPED.search(text)] == []


def pages():
    client = Client()
    client.force_login(get_user_model().objects.get(username="admin"))
    for address in addresses():
        if address.name not in ENDING:
            response = client.get(address.path, follow=True)
            yield address.path, b"".join(response)


def of_a_cloud(variables):
    """Each policy and each default of Terraform's, as the variables of a file make them."""
    given = dict(re.findall(r'^(\w+) += "(.*)"$', variables, re.MULTILINE))
    values = {**given, "bucket": given["name"], "table_arn": "arn", "old_table_arn": "arn"}
    for policy in sorted((REPOSITORY / "deploy").glob("*polic*.json")):
        yield policy.name, Template(policy.read_text()).substitute(values).encode()
    text = (REPOSITORY / "deploy" / "terraform" / "variables.tf").read_text()
    for name, body in re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL):
        yield f"variable {name}", given.get(name, body).encode()
