"""What each process asks of S3 and DynamoDB is in its own policy, and no secret is in a process that has no use for it.

The real processes run on a moto that notes whose each request is, each with an access key of its own.
"""

import re
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from packages_app.core.home import FIRST_PASSWORD_FILE, UMASK
from packages_app.signing.openpgp import generate_key
from packages_app.uploading import UPLOAD
from repomgr.processes import commands, environment_of
from repomgr.servers.process import free_port, process, wait_until
from repomgr.servers.start import moto_server
from tests import prepared
from tests.commands.installation import Installation
from tests.debs import build_deb
from tests.deliveries import ticked
from tests.deploy.policies import TABLE, Need, granted, needs_of
from tests.deploy.test_deploy import template
from tests.stack import REPOSITORY

REGION = "eu-central-1"
ENDED = {"done", "failed"}
SECRET = "V3ry+S3cret"
PAGE = re.compile(r'href="(/admin/[^"?#]*)')


class Browser:
    """A person's browser, signed in as the first administrator."""

    def __init__(self, url, password):
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=120)
        answer = self.post("/admin/login/", username="admin", password=password, next="/admin/")
        assert answer.url.path == "/admin/", answer.text

    def post(self, path, files=None, **form):
        """Send a form with its token; gives the page that it led to."""
        if "csrftoken" not in self.http.cookies:
            self.http.get("/admin/login/")
        form["csrfmiddlewaretoken"] = self.http.cookies["csrftoken"]
        answer = self.http.post(path, data=form, files=files)
        assert answer.status_code == 200, (path, answer.text)
        return answer

    def upload(self, deb, *, discard=False):
        """Open the page, which lets him send a file, and send one."""
        self.http.get(UPLOAD)
        page = self.post(UPLOAD, files={"file": (deb.name, deb.read_bytes())})
        if discard:
            return self.post(page.url.path, discard="1")
        answer = self.post(page.url.path, file=ticked(page.text))
        assert "/job/" in answer.url.path, answer.text
        return answer

    def send(self, deb):
        """Send a file straight to staging, as the page's script does, then begin another one and leave it."""
        at, size = f"{UPLOAD}{{}}/".format, str(deb.stat().st_size)
        ticket = self.post(at("begin"), name=deb.name, size=size).json()["ticket"]
        httpx.put(self.post(at("sign"), ticket=ticket, number="1").json()["address"], content=deb.read_bytes())
        page = self.post(at("complete"), ticket=ticket).json()["page"]
        assert ticked(self.http.get(page).text)
        self.post(at("abort"), ticket=self.post(at("begin"), name=deb.name, size=size).json()["ticket"])

    def walk(self):
        """Open each page that a link leads to; gives each one's status by its path."""
        found, seen = ["/admin/"], {}
        while found:
            path = found.pop()
            if path in seen or "logout" in path:
                continue
            answer = self.http.get(path)
            seen[path] = answer.status_code
            found += PAGE.findall(answer.text)
        return seen


@contextmanager
def installed(folder, migrated):
    """An installation on a moto that notes requests; gives it and moto's address."""
    with moto_server("tests.deploy.recording_moto") as endpoint:
        key = folder / "signing-key.asc"
        key.write_text(generate_key("Archive"))
        options = f"region={REGION}&endpoint={endpoint}"
        made = Installation.make(
            folder / "home",
            migrated,
            PACKAGE_TABLE_URL=f"dynamodb://packages?{options}",
            BUCKET_URL=f"s3://apt?{options}",
            STAGING_URL=f"s3://apt/staging?{options}",
            STAGING_UPLOAD_URL=endpoint,
            AWS_ACCESS_KEY_ID="setup",
            GITHUB_TOKEN=SECRET,
            SOURCE_TOKENS=f"ghe.example.org={SECRET}",
            NOTIFY_URLS=f"json://user:{SECRET}@127.0.0.1:9/",
            LOG_LEVEL="WARNING",
        )
        (made.home / "repomgr.env").write_text(f"SIGNING_KEY_FILE={key}\nVERIFY_SAMPLE=7\nSWEEPER=true\n")
        done = made.manage("first_start")
        assert done.returncode == 0, done.stderr
        yield made, endpoint


@contextmanager
def running(installation, name, **settings):
    """Run a process of the product, with an access key that is named like it; gives its environment as it has it."""
    environment = {**installation.environment, "AWS_ACCESS_KEY_ID": name, **settings}
    command = [sys.executable, "-m", "repomgr.processes", name]
    with (
        (installation.home / f"{name}.log").open("a") as log,
        process(*command, env=environment, cwd=REPOSITORY, stdout=log, stderr=log) as started,
    ):
        yield lambda: Path(f"/proc/{started.pid}/environ").read_text()


@contextmanager
def working(installation, name, *queues):
    """Run a process of workers, prepared, with an access key that is named like it; `queues` in place of its own."""
    command = [*commands("127.0.0.1", 1, 1, sweeper=not queues)[name], *queues]
    environment = environment_of(name, {**installation.environment, "AWS_ACCESS_KEY_ID": name})
    with (
        (installation.home / f"{name}.log").open("a") as log,
        prepared.process(command, env=environment, umask=UMASK, stdout=log, stderr=log),
    ):
        yield


def wait_for_jobs(installation):
    wait_until(lambda: {state for (state,) in installation.jobs("state")} <= ENDED, "the jobs", 240)


def ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def pages_of(browser, name):
    return PAGE.findall(browser.http.get(f"/admin/packages_app/{name}").text)


def work(product, browser, folder):
    """Let a person ask for all kinds of work, and workers do it."""
    with working(product, "worker1"), working(product, "sweeper"):
        browser.upload(build_deb(folder, "tool", "0.9"))
        wait_for_jobs(product)
        [page] = {path for path in pages_of(browser, "package/?q=tool") if re.search(r"/package/\d+/change/$", path)}
        browser.post(page.replace("change", "purge"), reason="a key is in it", typed="tool")
        wait_for_jobs(product)
        browser.upload(build_deb(folder, "tool", "0.8"), discard=True)
        browser.send(build_deb(folder, "tool", "0.7"))
        browser.upload(build_deb(folder, "tool", "1.0"))
        browser.post("/admin/packages_app/package/build/", name="kiro-repo", part="patch")
        wait_for_jobs(product)
        browser.post("/admin/packages_app/publication/force-rebuild/", suite="stable", consent="1")
        browser.post("/admin/packages_app/publication/sweep/")
        browser.post("/admin/packages_app/job/verify/")
        wait_for_jobs(product)
    with working(product, "publisher"):
        with working(product, "worker1", "--queues", "intake,slow"):
            browser.upload(build_deb(folder, "tool", "1.1"))
            wait_for_jobs(product)
            browser.upload(build_deb(folder, "tool", "2.0", Essential="yes"))
            wait_for_jobs(product)
        held = pages_of(browser, "heldcandidate/")
        [page] = {path for path in held if re.search(r"heldcandidate/\d+/change/$", path)}
        answer = browser.post(page.replace("change", "reject"))
        assert "tool 2.0 amd64" in answer.text
        wait_for_jobs(product)


@dataclass(frozen=True)
class Seen:
    """What came of it: each page's status, environments of processes, failed jobs, and the rights that each needed."""

    pages: dict[str, int]
    environments: dict[str, str]
    failed: set[tuple[str, str]]
    needs: dict[str, list[Need]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory, migrated):
    folder, port = tmp_path_factory.mktemp("rights"), free_port()
    url = f"http://127.0.0.1:{port}"
    with installed(folder, migrated) as (product, endpoint):
        with ExitStack() as processes:
            web = processes.enter_context(running(product, "web", PORT=str(port)))
            beat = processes.enter_context(running(product, "beat"))
            wait_until(lambda: ready(url), "the web process", 120)
            browser = Browser(url, (product.home / FIRST_PASSWORD_FILE).read_text().strip())
            work(product, browser, folder)
            pages, environments = browser.walk(), {"web": web(), "beat": beat()}
        failed = {
            (kind, code) for kind, code, state in product.jobs("kind", "error_code", "state") if state == "failed"
        }
        needs = {}
        for note in httpx.get(f"{endpoint}/recorded", timeout=60).json():
            needs.setdefault(note["who"], []).extend(needs_of(note))
    return Seen(pages, environments, failed, needs)


def test_no_page_and_no_upload_needs_the_signing_key(seen):
    assert len(seen.pages) > 30
    assert {path: status for path, status in seen.pages.items() if status != 200} == {}
    assert seen.failed == {("publish", "candidate_held")}  # and the one is what was to be


@pytest.mark.parametrize(("process", "secrets"), [
    ("web", {"SIGNING_KEY", "SIGNING_KEY_FILE", "GITHUB_TOKEN", "SOURCE_TOKENS"}),
    ("beat", {"SIGNING_KEY", "SIGNING_KEY_FILE", "GITHUB_TOKEN", "NOTIFY_URLS", "SECRET_KEY", "AWS_SECRET_ACCESS_KEY"}),
])  # fmt: skip
def test_a_process_holds_no_secret_that_it_has_no_use_for(seen, process, secrets):
    names = {line.partition("=")[0] for line in seen.environments[process].split("\0")}
    assert "WITHHELD" in names
    assert names & secrets == set()
    assert SECRET not in seen.environments["beat"]


def test_beat_asks_nothing_of_the_stores(seen):
    assert {"web", "worker1", "publisher", "sweeper"} <= seen.needs.keys()
    assert "beat" not in seen.needs


# AbortMultipartUpload of a worker is for what fails half-way; with ListBucket a missing object is told from a refused.
# The worker's rights are those of first_start and doctor too, which ask for the table and try what servers promise. The
# publisher scans tables that have no lists of suites yet, and removes the lists of publications that are long past.
# Without a lost lease and old lists the sweeper reads no table whole.
@pytest.mark.parametrize(("process", "name", "unused"), [
    ("web", "web", set()),
    ("worker1", "worker", {"s3:AbortMultipartUpload", "dynamodb:DescribeTable", "dynamodb:DeleteItem"}),
    ("publisher", "publisher", {"s3:AbortMultipartUpload", "dynamodb:Scan", "s3:DeleteObject"}),
    ("sweeper", "sweeper", {"s3:AbortMultipartUpload"}),
])  # fmt: skip
def test_what_a_process_asks_for_is_granted_and_what_is_granted_is_asked_for(seen, process, name, unused):
    policy = template(f"iam-policy-{name}.json", bucket="apt", table_arn=TABLE)
    assert [need for need in seen.needs[process] if not granted(policy, need)] == []
    used = {need.action for need in seen.needs[process]}
    assert {action for statement in policy["Statement"] for action in statement["Action"]} - used == unused


@pytest.mark.parametrize(("action", "key", "may"), [
    ("DeleteItem", "-suite#stable#03", True), ("PutItem", "-suite#stable#03", True),  # of a record's other suites
    ("PutItem", "-pending#stable#03", True), ("PutItem", "-history#tool#1.0", True),
    ("DeleteItem", "-pending#stable#03", False), ("DeleteItem", "-history#tool#1.0", False),
    ("PutItem", "-documents", True), ("PutItem", "-document#package/tool", True), ("DeleteItem", "-documents", False),
    ("PutItem", "tool#1.0", False), ("DeleteItem", "tool#1.0", False), ("PutItem", "-given#stable", False),
    ("PutItem", "-releases#stable", False), ("PutItem", "-lease#publish:stable", False), ("BatchWriteItem", "x", False),
])  # fmt: skip
def test_web_forgets_no_change_and_no_history_and_writes_no_record(action, key, may):
    policy = template("iam-policy-web.json", bucket="apt", table_arn=TABLE)
    need = Need(f"dynamodb:{action}", TABLE, {"dynamodb:LeadingKeys": (key,), "dynamodb:Attributes": ("package_id",)})
    assert granted(policy, need) is may
