"""What each process asks of S3 and DynamoDB is in its own policy, and no secret is in a process that has no use for it.

The real processes run on a moto that notes whose each request is, each with an access key of its own.
"""

import re
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from packages_app.core.home import FIRST_PASSWORD_FILE
from packages_app.signing.openpgp import generate_key
from packages_app.uploading import UPLOAD
from repomgr.processes import commands
from repomgr.servers.process import free_port, process, wait_until
from repomgr.servers.start import moto_server
from tests.commands.installation import Installation
from tests.debs import build_deb
from tests.deploy.policies import TABLE, granted, needs_of
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

    def upload(self, deb):
        """Open the page, which lets him send a file, and send one."""
        self.http.get(UPLOAD)
        answer = self.post(UPLOAD, files={"file": (deb.name, deb.read_bytes())})
        assert "/job/" in answer.url.path, answer.text

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


@pytest.fixture
def installation(tmp_path, migrated):
    with moto_server("tests.deploy.recording_moto") as endpoint:
        key = tmp_path / "signing-key.asc"
        key.write_text(generate_key("Archive"))
        options = f"region={REGION}&endpoint={endpoint}"
        made = Installation.make(
            tmp_path / "home",
            migrated,
            PACKAGE_TABLE_URL=f"dynamodb://packages?{options}",
            BUCKET_URL=f"s3://apt?{options}",
            STAGING_URL=f"s3://apt/staging?{options}",
            AWS_ACCESS_KEY_ID="setup",
            GITHUB_TOKEN=SECRET,
            NOTIFY_URLS=f"json://user:{SECRET}@127.0.0.1:9/",
            LOG_LEVEL="WARNING",
        )
        (made.home / "repomgr.env").write_text(f"SIGNING_KEY_FILE={key}\nVERIFY_SAMPLE=7\n")
        done = made.manage("first_start")
        assert done.returncode == 0, done.stderr
        yield made, endpoint


@contextmanager
def running(installation, name, *more, **settings):
    """Run a process of the product, with an access key that is named like it; gives its environment as it has it."""
    environment = {**installation.environment, "AWS_ACCESS_KEY_ID": name, **settings}
    command = [sys.executable, "-m", "repomgr.processes", name]
    if more:
        command = [*commands("127.0.0.1", 1, 1)[name], *more]
    with (
        (installation.home / f"{name}.log").open("a") as log,
        process(*command, env=environment, cwd=REPOSITORY, stdout=log, stderr=log) as started,
    ):
        yield lambda: Path(f"/proc/{started.pid}/environ").read_text()


def all_ended(installation, but=()):
    return all(state in ENDED for kind, state in installation.jobs("kind", "state") if kind not in but)


def wait_for_jobs(installation, but=()):
    wait_until(lambda: all_ended(installation, but), "the jobs", 240)


def ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def test_each_process_has_what_it_needs_and_no_more(installation, tmp_path):
    product, endpoint = installation
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as processes:
        web = processes.enter_context(running(product, "web", PORT=str(port)))
        beat = processes.enter_context(running(product, "beat"))
        wait_until(lambda: ready(url), "the web process", 120)
        browser = Browser(url, (product.home / FIRST_PASSWORD_FILE).read_text().strip())
        with running(product, "worker1"):
            browser.upload(build_deb(tmp_path, "tool", "1.0"))
            browser.post("/admin/packages_app/package/build/", name="kiro-repo", part="patch")
            wait_for_jobs(product)
            browser.post("/admin/packages_app/publication/force-rebuild/", suite="stable", consent="1")
            browser.post("/admin/packages_app/publication/sweep/")
            browser.post("/admin/packages_app/job/verify/")
            wait_for_jobs(product)
        with running(product, "publisher"):
            with running(product, "worker1", "--queues", "intake,slow"):
                browser.upload(build_deb(tmp_path, "tool", "1.1"))
                wait_for_jobs(product)
                browser.upload(build_deb(tmp_path, "tool", "2.0", Essential="yes"))
                wait_for_jobs(product)
            held = PAGE.findall(browser.http.get("/admin/packages_app/heldcandidate/").text)
            [page] = {path for path in held if re.search(r"heldcandidate/\d+/change/$", path)}
            answer = browser.post(page.replace("change", "reject"))
            assert "tool 2.0 amd64" in answer.text
            wait_for_jobs(product)
        pages = browser.walk()
        environments = {"web": web(), "beat": beat()}
    assert len(pages) > 30
    assert {path: status for path, status in pages.items() if status != 200} == {}
    assert {name for name in SECRETS["web"] if f"\0{name}=" in environments["web"]} == set()
    assert {name for name in SECRETS["beat"] if f"\0{name}=" in environments["beat"]} == set()
    assert SECRET not in environments["beat"]
    failed = {(kind, code) for kind, state, code in product.jobs("kind", "state", "error_code") if state == "failed"}
    assert failed == {("publish", "candidate_held")}
    notes = httpx.get(f"{endpoint}/recorded", timeout=60).json()
    asked = {}
    for note in notes:
        asked.setdefault(note["who"], []).extend(needs_of(note))
    assert {"web", "worker1", "publisher"} <= asked.keys()
    assert "beat" not in asked
    unused = {}
    for who, name in POLICIES.items():
        policy = template(name, bucket="apt", table_arn=TABLE)
        refused = [need for need in asked[who] if not granted(policy, need)]
        assert refused == [], who
        used = {need.action for need in asked[who]}
        given = {action for statement in policy["Statement"] for action in statement["Action"]}
        unused[who] = given - used
    assert unused == UNUSED


SECRETS = {
    "web": {"SIGNING_KEY", "SIGNING_KEY_FILE", "GITHUB_TOKEN"},
    "beat": {"SIGNING_KEY", "SIGNING_KEY_FILE", "GITHUB_TOKEN", "NOTIFY_URLS", "SECRET_KEY", "AWS_SECRET_ACCESS_KEY"},
}
POLICIES = {"web": "iam-policy-web.json", "worker1": "iam-policy-worker.json", "publisher": "iam-policy-publisher.json"}
# AbortMultipartUpload is for what fails half-way, and with ListBucket a missing object is told from a refused one.
# The worker's rights are those of first_start and doctor too, which ask for the table and try what servers promise. The
# publisher scans tables that have no lists of suites yet, and removes the lists of publications that are long past.
UNUSED = {
    "web": {"s3:AbortMultipartUpload", "s3:ListBucket"},
    "worker1": {"s3:AbortMultipartUpload", "dynamodb:DescribeTable", "dynamodb:DeleteItem"},
    "publisher": {"s3:AbortMultipartUpload", "dynamodb:Scan", "s3:DeleteObject"},
}
