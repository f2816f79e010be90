"""What SAML is told by settings and by an identity provider's metadata: what is missing or wrong lets nobody in."""

import json
import re
import subprocess
import sys

import pytest

from tests.saml_provider import IdentityProvider
from tests.stack import REPOSITORY

_LOOK = """
import json, sys
import django
django.setup()
from django.conf import settings
from django.core.cache import cache
from requests import RequestException
from packages_app.services.sign_in.saml_metadata import BadMetadata, identity_provider
settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 1
for settings.SIGN_IN_SAML_METADATA in json.load(sys.stdin):
    try:
        cache.clear()
        print(len(identity_provider().certificates), file=sys.stderr)
    except (BadMetadata, RequestException):
        print("bad", file=sys.stderr)
"""
_HOURS = """
import time
import django
django.setup()
from django.conf import settings
from requests import RequestException
from packages_app.services.sign_in.saml_metadata import BadMetadata, identity_provider
clock = time.time
for minutes in (0, 1, 40, 70, 200, 201, 24 * 60, 26 * 60):
    time.time = lambda: clock() + minutes * 60
    if minutes == 200:
        settings.SIGN_IN_SAML_METADATA = "http://127.0.0.1:1/"
    try:
        identity_provider()
    except (BadMetadata, RequestException):
        print("away at", minutes)
"""


@pytest.fixture
def provider():
    with IdentityProvider() as provider:
        yield provider


@pytest.mark.parametrize("given", [
    {"SIGN_IN_SAML_METADATA": "http://idp.example.org/m", "SIGN_IN_SAML_GROUPS": "a=b"},
    {"SIGN_IN_SAML_METADATA": "/etc/idp.xml", "SIGN_IN_SAML_GROUPS": "a=b"},
    {"SIGN_IN_SAML_METADATA": "https://idp.example.org/m?x=1"},
    {
        "SIGN_IN_SAML_METADATA": "<a/>", "SIGN_IN_SAML_GROUPS": "a=b", "SIGN_IN_OIDC_GROUPS": "a=b",
        "SIGN_IN_OIDC_ISSUER": "https://issuer.example.org", "SIGN_IN_OIDC_CLIENT_ID": "x",
    },
    {"SIGN_IN_SAML_METADATA": "<a/>", "SIGN_IN_SAML_GROUPS": "a=b", "ALLOWED_HOSTS": "a.example.org,.example.org"},
    {"SIGN_IN_SAML_METADATA": "<a/>", "SIGN_IN_SAML_GROUPS": "a=b", "ALLOWED_HOSTS": "*"},
])  # fmt: skip
def test_half_a_setting_is_refused(tmp_path, given):
    environment = {"PATH": "/usr/bin", "REPOMGR_HOME": str(tmp_path / "none"), **given}
    command = [sys.executable, "-c", "import repomgr.settings"]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "packages_app.core.errors.SettingsError" in done.stderr


def test_without_python3_saml_the_settings_say_so(tmp_path):
    look = "import sys; sys.modules['onelogin'] = None; import repomgr.settings"
    given = {"SIGN_IN_SAML_METADATA": "<a/>", "SIGN_IN_SAML_GROUPS": "a=b"}
    environment = {"PATH": "/usr/bin", "REPOMGR_HOME": str(tmp_path / "none"), **given}
    command = [sys.executable, "-c", look]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "requirements-saml.lock" in done.stderr


def test_metadata_of_an_address_are_asked_for_again_each_hour_and_the_last_count_for_a_day(tmp_path, provider):
    given = {
        "PATH": "/usr/bin", "REPOMGR_HOME": str(tmp_path / "none"), "DJANGO_SETTINGS_MODULE": "repomgr.settings",
        "SIGN_IN_SAML_METADATA": f"{provider.url}/metadata", "SIGN_IN_SAML_GROUPS": "a=b",
    }  # fmt: skip
    command = [sys.executable, "-c", _HOURS]
    done = subprocess.run(command, env=given, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert provider.times_asked == 2
    assert [line for line in done.stdout.splitlines() if line.startswith("away")] == ["away at 1560"]


def test_metadata_that_let_nobody_in_safely_are_refused(tmp_path, provider):
    sound = provider.metadata()
    [role] = re.findall("<md:IDPSSO.*</md:IDPSSODescriptor>", sound)
    [key] = re.findall("<md:KeyDescriptor.*</md:KeyDescriptor>", sound)
    ended = 'validUntil="2020-01-01T00:00:00Z" entityID='
    told = {
        sound: "1",
        sound.replace(key, key * 2): "2",
        sound.replace(key, key + key.replace("signing", "encryption")): "1",
        sound.replace("signing", "encryption"): "bad",
        sound.replace(key, ""): "bad",
        sound.replace(role, role * 2): "bad",
        sound.replace(f"{provider.url}/sso", "http://idp.example.org/sso"): "bad",
        sound.replace(f"{provider.url}/sso", "javascript:alert(1)"): "bad",
        sound.replace("HTTP-Redirect", "HTTP-POST"): "bad",
        sound.replace("entityID=", ended): "bad",
        f'<!DOCTYPE a [<!ENTITY b "c">]>{sound}': "bad",
        "<html>": "bad",
        f"{provider.url}/cut": "bad",
        f"{provider.url}/slow": "bad",
    }
    environment = {
        "PATH": "/usr/bin", "REPOMGR_HOME": str(tmp_path / "none"), "DJANGO_SETTINGS_MODULE": "repomgr.settings",
        "SIGN_IN_SAML_METADATA": "<a/>", "SIGN_IN_SAML_GROUPS": "a=b",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _LOOK], input=json.dumps(list(told)), env=environment, cwd=REPOSITORY,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [word for word in done.stderr.split() if word in ("1", "2", "bad")] == list(told.values()), done.stderr
