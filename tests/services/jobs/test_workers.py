"""Real workers on the folder broker and on Redis: who takes what, and what an older release left behind."""

import threading

import pytest

from repomgr.servers.process import wait_until
from tests.commands.installation import Installation
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
