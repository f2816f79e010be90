"""Real workers on the folder broker and on Redis: who takes what, and what an older release left behind."""

import json
import threading

import pytest

from repomgr.servers.process import wait_until
from tests.commands.installation import Installation
from tests.debs import build_deb
from tests.loopback import LoopbackServer, QuietHandler

_SECONDS = 240  # nothing here is about time: workers start slowly where much runs at once


class SlowVendor(LoopbackServer):
    """A vendor who sends a byte now and then, until it is let off."""

    def __init__(self):
        self.done = threading.Event()
        done = self.done

        class Handler(QuietHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                while not done.wait(0.5):
                    self.wfile.write(b" ")
                self.close_connection = True

        super().__init__(Handler)


@pytest.fixture
def vendor():
    with SlowVendor() as vendor:
        yield vendor
        vendor.done.set()


@pytest.fixture(params=["folder", "redis"])
def installation(request, tmp_path, migrated):
    broker = {"BROKER_URL": request.getfixturevalue("redis_url")} if request.param == "redis" else {}
    return Installation.make(tmp_path / "home", migrated, PRIVATE_UPSTREAMS="127.0.0.1", **broker)


def ask(installation, *calls):
    """Ask services for jobs."""
    names = (
        "from packages_app.services import requests",
        "from packages_app.services.publication.requests import request_publication",
    )
    installation.python("\n".join((*names, *calls)))


def states(installation):
    """The state of each job by its kind and subject."""
    return {(kind, subject): state for kind, subject, state in installation.jobs("kind", "subject", "state")}


def test_a_publication_is_made_while_slow_jobs_hold_all_of_a_worker(installation, vendor):
    for name in ("one", "two"):
        installation.define(name, {"type": "external_download", "endpoint": f"{vendor.url}/{name}"})
    with installation.workers("worker1", "publisher"):
        ask(installation, *(f"requests.request_sync(['{name}'], None)" for name in ("one", "two")))
        held = {("sync_packages", "one"): "running", ("sync_packages", "two"): "running"}
        wait_until(lambda: states(installation) == held, "both checks run", _SECONDS)
        ask(installation, "request_publication('stable')")
        ended = {**held, ("publish", "stable"): "done"}
        wait_until(lambda: states(installation) == ended, "the publication is made", _SECONDS)
        vendor.done.set()


def upload_of(deb):
    """The call of a service that stages an upload."""
    service = "from packages_app.services.intake.uploads import stage_upload"
    return f"from pathlib import Path\n{service}\nstage_upload(Path({str(deb)!r}), {deb.name!r})"


def test_an_upload_is_taken_in_while_slow_jobs_are_at_work_and_each_of_these_has_its_turn(
    installation, vendor, tmp_path
):
    names = ("one", "two", "three", "four")
    for name in names:
        installation.define(name, {"type": "external_download", "endpoint": f"{vendor.url}/{name}"})
    with installation.workers("worker1"):
        ask(installation, *(f"requests.request_sync(['{name}'], None)" for name in names))

        def at_work():
            return [kind for (kind, _), state in states(installation).items() if state == "running"]

        wait_until(lambda: at_work() == ["sync_packages"] * 2, "two checks run", _SECONDS)
        ask(installation, upload_of(build_deb(tmp_path, "tool", "1.0")))
        wait_until(lambda: states(installation).get(("intake_upload", "")) == "done", "the intake", _SECONDS)
        assert at_work().count("sync_packages") == 2
        vendor.done.set()
        ended = {("sync_packages", name) for name in names}
        wait_until(lambda: {states(installation)[each] for each in ended} == {"failed"}, "all checks", _SECONDS)


def test_a_worker_logs_what_jobs_tell_from_the_level_of_the_settings_on(installation):
    talkative = installation.with_settings(LOG_LEVEL="INFO", LOG_FORMAT="json")
    with talkative.workers("worker1"):
        ask(installation, "request_publication('stable')")
        wait_until(lambda: states(installation) == {("publish", "stable"): "done"}, "the publication", _SECONDS)
    # Celery warns of root before anything is set up.
    lines = [line for line in (installation.home / "workers.log").read_text().splitlines() if line.startswith("{")]
    told = [json.loads(line) for line in lines]
    assert {"step_began", "job_done"} <= {line["event"] for line in told}
    assert not [line for line in told if line["logger"].startswith(("celery", "django_structlog"))]


def test_one_worker_takes_of_all_queues_and_the_publisher_publications_alone(installation):
    with installation.workers("publisher"):
        ask(
            installation,
            "requests.request_build('kiro-repo', '1.0', None)",
            "requests.request_sweep(None)",
            "request_publication('stable')",
        )
        wait_until(lambda: states(installation)["publish", "stable"] == "done", "the publication", _SECONDS)
        waiting = states(installation)
        assert waiting["build_bootstrap", "kiro-repo 1.0"] == waiting["sweep", "all"] == "queued"
    with installation.workers("worker1"):
        wait_until(lambda: set(states(installation).values()) == {"done"}, "all jobs", _SECONDS)


def test_messages_of_an_older_release_stop_no_worker(installation):
    send = "current_app.send_task('packages_app.tasks.sweep', args=['x'], queue='{}')"
    installation.python("\n".join(("from celery import current_app", send.format("publish"), send.format("celery"))))
    with installation.workers("worker1"):
        ask(installation, "request_publication('stable')")
        wait_until(lambda: states(installation) == {("publish", "stable"): "done"}, "the publication", _SECONDS)
    assert (
        installation.python("from packages_app.services.jobs import messages\nprint(messages.drop_old_messages())")
        == "1"
    )
