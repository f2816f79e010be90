"""No secret of a setting, a feed's address or a login stands in what the product writes, however it fails (R14.2).

The real commands and the real web process run at LOG_LEVEL=DEBUG with recognisable secrets; all that they write, the
rows that the admin shows, and what is kept in staging is searched.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import yaml

from packages_app.core.home import make_home
from packages_app.signing.openpgp import generate_key
from repomgr.servers.process import free_port
from tests import prepared
from tests.apt.running import running
from tests.debs import build_deb
from tests.feeds import Fault, Feed
from tests.github_server import GitHub
from tests.stack import REPOSITORY

_NAMED = (
    "SECRET_KEY", "DATABASE", "BROKER", "NOTIFY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "FEED", "LOGIN", "S3",
)  # fmt: skip
SECRETS = {name: f"{name.lower()}-V3ry+S3cret/{number}" for number, name in enumerate(_NAMED)} | {
    "GITHUB_TOKEN": "github_pat_V3ryS3cretGithubToken",
    "SOURCE_TOKENS": "github_pat_V3ryS3cretTokenOfAnotherHost",
    "QUERY": "signed-V3ryS3cretQuery",
}
# In an address a secret stands quoted.
DATABASE, BROKER, NOTIFY, FEED, S3 = (
    quote(SECRETS[name], safe="") for name in ("DATABASE", "BROKER", "NOTIFY", "FEED", "S3")
)


@pytest.fixture(scope="module")
def signing_key():
    return generate_key("A key that nobody sees")


@pytest.fixture(scope="module")
def told_by(signing_key):
    """Find the secrets in a text: as they are, quoted, in base64 (Basic authentication), and lines of the key."""
    lines = [line for line in signing_key.splitlines() if re.fullmatch(r"[A-Za-z0-9+/=]{40,}", line)]
    assert len(lines) > 5
    needles = {f"SIGNING_KEY {number}": line for number, line in enumerate(lines)}
    for name, secret in SECRETS.items():
        needles |= {name: secret, f"{name} quoted": quote(secret, safe="")}
    needles["FEED in base64"] = b64encode(f"user:{SECRETS['FEED']}".encode()).decode().rstrip("=")[6:]

    def find(text: str) -> list[str]:
        return [
            f"{name}: {text[max(0, at - 200) : at]}<<here>>"
            for name, needle in needles.items()
            if (at := text.find(needle)) >= 0
        ]

    return find


@pytest.fixture
def settings_with_secrets(tmp_path, signing_key):
    """Settings in which everything has a secret, and nothing is there."""
    port = free_port()
    make_home(tmp_path / "home")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
        "REPOMGR_HOME": str(tmp_path / "home"),
        "REPOMGR_CONFIG": str(tmp_path / "config"),
        "PYTHONPATH": str(REPOSITORY),
        "LOG_LEVEL": "DEBUG",
        "SECRET_KEY": SECRETS["SECRET_KEY"],
        "SIGNING_KEY": signing_key,
        "GITHUB_TOKEN": SECRETS["GITHUB_TOKEN"],
        "SOURCE_TOKENS": f"ghe.example.org={SECRETS['SOURCE_TOKENS']}",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRETS["AWS_SECRET_ACCESS_KEY"],
        "AWS_SESSION_TOKEN": SECRETS["AWS_SESSION_TOKEN"],
        "DATABASE_URL": f"postgres://repomgr:{DATABASE}@127.0.0.1:{port}/repomgr",
        "BROKER_URL": f"redis://:{BROKER}@127.0.0.1:{port}/0",
        "BUCKET_URL": f"s3://bucket?endpoint=http://127.0.0.1:{port}",
        "STAGING_URL": f"s3://staging?endpoint=http://127.0.0.1:{port}",
        "PACKAGE_TABLE_URL": f"dynamodb://packages?region=eu-central-1&endpoint=http://127.0.0.1:{port}",
        "NOTIFY_URLS": f"json://user:{NOTIFY}@127.0.0.1:{port}/{NOTIFY},mailto://user:{NOTIFY}@127.0.0.1:{port}?to=a@b.org",
        "PRIVATE_UPSTREAMS": "127.0.0.1",
    }


SEND = f"""
from packages_app.models import Webhook
from packages_app.services.notices.notify import notify
from packages_app.services.notices.send import send_notices
notify("job_failed", "a job", "It failed.")
send_notices()
from packages_app.services.webhooks.send import send_webhooks
from packages_app.services.webhooks.webhooks import make_webhook, remove_webhook, send_test
webhook = Webhook(name="ci", address="http://127.0.0.1:9/{FEED}", events=[])
secret = make_webhook(webhook)
send_test(webhook)
send_webhooks()
print(send_test(webhook).webhook.deliveries.earliest("pk").failure)
remove_webhook(webhook)  # its page alone shows the address
"""


EACH = """
import json, sys
import django
from django.core.management import execute_from_command_line
django.setup()
for command in json.loads(sys.argv[1]):
    try:
        execute_from_command_line(["manage.py", *command])
    except SystemExit:
        pass
"""


def run_each(environment, *commands):
    """Run commands of manage.py in one process; gives all that it wrote."""
    variables = {**environment, "DJANGO_SETTINGS_MODULE": "repomgr.settings"}
    done = prepared.run(("-c", EACH, json.dumps(commands)), env=variables)
    return done.stdout + done.stderr


def run(environment, *arguments):
    """Run a command of manage.py; gives all that it wrote."""
    done = prepared.run((prepared.MANAGE, *arguments), env=environment)
    return done.stdout + done.stderr


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "config" / "packages"
    folder.mkdir(parents=True)
    (folder.parent / "repository.yaml").write_text((REPOSITORY / "config/repository.yaml").read_text())
    return folder


def define(config, name, source):
    definition = {
        "name": name, "description": name, "maintainer": "Test <test@example.org>", "section": "misc",
        "homepage": "https://example.org", "priority": "optional", "architecture": "amd64", "source": source,
    }  # fmt: skip
    (config / f"{name}.yaml").write_text(yaml.safe_dump(definition))


def embedded(environment, **changes):
    """Give the settings with data in folders, so that commands come further before they fail."""
    kept = {
        n: v
        for n, v in environment.items()
        if n not in ("DATABASE_URL", "BUCKET_URL", "STAGING_URL", "PACKAGE_TABLE_URL")
    }
    return {**kept, **changes}


def rows(environment):
    """Give all that the admin shows of Django's database."""
    database = sqlite3.connect(Path(environment["REPOMGR_HOME"]) / "django.sqlite3")
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    wanted = [name for name in names if name != "django_session" and name.startswith(("packages_app_", "django_"))]
    assert "packages_app_job" in wanted
    return "\n".join(str(row) for name in wanted for row in database.execute(f'SELECT * FROM "{name}"'))


def test_servers_that_are_away_are_named_without_their_secrets(settings_with_secrets, config, told_by):
    said = run(settings_with_secrets, "doctor")
    assert "DATABASE_URL" in said
    said += run_each(
        settings_with_secrets,
        ["publish"],
        ["sync_packages"],
        ["create_storage"],
        ["migrate"],
        ["check"],
        ["adopt_repository", "http://x.invalid/"],
    )
    assert "Connection refused" in said
    assert told_by(said) == []


def test_jobs_that_fail_at_their_servers_keep_no_secret(settings_with_secrets, config, told_by):
    environment = {**embedded(settings_with_secrets), "BUCKET_URL": settings_with_secrets["BUCKET_URL"]}
    said = run(environment, "migrate", "--verbosity", "0")
    define(config, "tool", {"type": "build_script", "staging_prefix": "tool"})
    deb = build_deb(config.parent.parent, "tool", "1.0")
    commands = (["upload_deb", str(deb)], ["publish"], ["force_rebuild"], ["verify_repository"], ["doctor"])
    said += run_each(environment, *commands)
    assert "failed" in rows(environment)
    assert told_by(said + rows(environment)) == []


def test_feeds_with_credentials_and_tokens_are_named_without_them(settings_with_secrets, config, told_by):
    environment = embedded(settings_with_secrets)
    with Feed() as feed, GitHub() as github:
        address = feed.endpoint.replace("://", f"://user:{FEED}@") + f"?X-Signature={SECRETS['QUERY']}"
        feed.files["/bad.json"] = b"no JSON"
        feed.faults["/moved.json"] = Fault(status=302, headers={"Location": f"ftp://user:{FEED}@x.invalid/"}, times=99)
        signed = f"{feed.url}/absent.json?X-Amz-Signature={SECRETS['QUERY']}"
        feed.faults["/signed.json"] = Fault(status=302, headers={"Location": signed}, times=99)
        feed.faults["/broken.json"] = Fault(status=500, times=99)
        for name in ("bad", "moved", "signed", "broken", "absent"):
            define(config, name, {"type": "external_download", "endpoint": address.replace("metadata", name)})
        define(config, "private", {"type": "external_download", "endpoint": address.replace("127.0.0.1", "127.0.0.2")})
        define(config, "hub", {"type": "github_release", "repository": "owner/tool", "api": github.url})
        deb = build_deb(config.parent.parent, "nested", "1.0")
        feed.publish(deb, "1.0", url=f"http://user:{FEED}@127.0.0.1:9/x.deb?X-Signature={SECRETS['QUERY']}")
        define(config, "nested", {"type": "external_download", "endpoint": feed.endpoint})
        said = run(environment, "migrate", "--verbosity", "0")
        said += run(environment, "sync_packages")
        said += run(environment, "adopt_repository", address, "--unsigned", "--suite", "stable")
        said += run(environment, "shell", "--no-imports", "-c", SEND)
    assert said.count("definition_failed") >= 7
    assert "notice_not_sent" in said
    assert "webhook_not_received" in said
    assert "whsec_" not in said
    assert told_by(said) == []
    assert told_by(rows(environment)) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_URL", f"mysql://user:{DATABASE}@host/name"),
        ("DATABASE_URL", f"postgres://user:{DATABASE}@host:port/name"),
        ("BROKER_URL", f"ftp://user:{BROKER}@host/0"),
        ("BROKER_URL", f"redis://user:{BROKER}@host:port/0"),
        ("BUCKET_URL", f"s3://key:{S3}@bucket/prefix"),
        ("BUCKET_URL", f"gs://key:{S3}@bucket"),
        ("BUCKET_URL", f"s3://bucket?endpoint=http://key:{S3}@host&x=y"),
        ("BUCKET_URL", f"s3://bucket?endpoint=ftp://key:{S3}@host"),
        ("BUCKET_URL", f"s3://bucket?secret_key={S3}"),
        ("PACKAGE_TABLE_URL", f"dynamodb://key:{S3}@table"),
        ("PUBLIC_URL", f"ftp://user:{FEED}@host"),
        ("PUBLIC_URL", f"http://user:{FEED}@host/?x"),
        ("NOTIFY_URLS", f"nothing://user:{NOTIFY}@host"),
        ("NOTIFY_URLS", f"{NOTIFY}"),
        ("GITHUB_TOKEN", f"{SECRETS['GITHUB_TOKEN']} é"),
        ("SOURCE_TOKENS", f"https://ghe.example.org={SECRETS['SOURCE_TOKENS']}"),
        (
            "SIGNING_KEY",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBGV3ryS3cret\n-----END PGP PRIVATE KEY BLOCK-----",
        ),
        ("PRIVATE_UPSTREAMS", f"http://user:{FEED}@host/"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_without_its_secret(
    settings_with_secrets, config, told_by, setting, value
):
    environment = {**embedded(settings_with_secrets), setting: value}
    said = run(environment, "doctor")
    assert said
    assert told_by(said) == []
    assert "lQOYBGV3ryS3cret" not in said


def test_the_running_product_tells_no_secret(tmp_path, migrated, signing_key, told_by):
    settings = {
        "LOG_LEVEL": "DEBUG", "SECRET_KEY": SECRETS["SECRET_KEY"], "SIGNING_KEY": signing_key,
        "GITHUB_TOKEN": SECRETS["GITHUB_TOKEN"], "NOTIFY_URLS": f"json://user:{NOTIFY}@127.0.0.1:9/hook",
        "AWS_SECRET_ACCESS_KEY": SECRETS["AWS_SECRET_ACCESS_KEY"],
    }  # fmt: skip
    with Feed() as feed, running(tmp_path, database=migrated, **settings) as product:
        product.define("tool", feed.endpoint.replace("://", f"://user:{FEED}@"))
        with httpx.Client(base_url=product.url, follow_redirects=True) as browser:
            token = browser.get("/admin/login/").text.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
            form = {"csrfmiddlewaretoken": token, "username": "admin", "password": SECRETS["LOGIN"]}
            answers = [browser.post("/admin/login/", data=form).status_code for _ in range(5)]
            assert answers[-1] == 429
            other = {**form, "username": SECRETS["LOGIN"], "password": "x"}
            answers = [browser.post("/admin/login/", data=other).status_code for _ in range(5)]
            assert answers[-1] == 429
            browser.get(f"/admin/login/?password={SECRETS['LOGIN']}")
        said = product.manage("sync_packages", "tool", check=False)
        assert "definition_failed" in said.stderr
        written = said.stdout + said.stderr
    written += (tmp_path / "log").read_text()
    assert "login_locked" in written
    assert told_by(written) == []
    assert told_by(rows({"REPOMGR_HOME": str(tmp_path / "var")})) == []
    kept = b"".join(path.read_bytes() for path in (tmp_path / "var" / "bucket").rglob("*") if path.is_file())
    assert told_by(kept.decode("latin-1")) == []
