"""One check of a definition at a time, whoever asks and however long it takes; nothing is fetched twice."""

import pytest

from packages_app.models import DefinitionStatus, Job
from packages_app.services import job_services
from packages_app.services.jobs import queue
from packages_app.services.requests import request_sync
from packages_app.services.scheduled import start_scheduled
from tests.debs import build_deb
from tests.feeds import Feed


@pytest.fixture
def vendor(embedded, tmp_path):
    """The vendor of two packages, of which `first` is checked first."""
    with Feed() as feed:
        for name in ("first", "second"):
            feed.releases = []
            feed.publish(build_deb(tmp_path / name, name, "1.0"), f"{name}-1.0")
            feed.serve({"releases": feed.releases}, f"/{name}.json")
            source = {"type": "external_download", "endpoint": f"{feed.url}/{name}.json", "signature_policy": "off"}
            embedded.define(name, source)
        yield feed


class AtFetch:
    """Watches a job, and does something when it is about to fetch a file for the first time."""

    def __init__(self, act):
        self._act, self.came_of_it = act, None

    def step(self, name, _detail=""):
        if name == "fetch" and self._act:
            act, self._act = self._act, None
            self.came_of_it = act()

    def advance(self, _done, _total):
        pass

    def note(self, _text, *, level="info"):
        pass


def run(job, watcher=None):
    return queue.run(job.pk, job_services.do_work, watcher=watcher)


def check(names, **more):
    return run(request_sync(names, None, **more))


def while_checking(names, act):
    """Check definitions, and do something in the middle of it; give the ended job and what came of it."""
    watcher = AtFetch(act)
    job = request_sync(names, None)
    return run(job, watcher), watcher.came_of_it


@pytest.mark.parametrize(
    ("first", "second"), [(["first"], ["first"]), ([], []), ([], ["first"]), (["first", "second"], ["first"])]
)
def test_a_check_that_is_at_work_is_given_instead_of_a_second_one(vendor, first, second):
    job, given = while_checking(first, lambda: request_sync(second, None))
    assert (given, job.state, Job.objects.filter(kind=Job.Kind.SYNC).count()) == (job, "done", 1)
    assert request_sync(second, None).state == "queued"  # it has ended: this one sees what is new since


def test_the_clock_asks_for_no_check_of_all_while_one_that_a_person_asked_for_is_at_work(vendor):
    assert while_checking([], lambda: start_scheduled("sync_packages"))[1] == []
    assert len(start_scheduled("sync_packages")) == 1


def test_a_check_of_all_leaves_a_definition_to_the_job_that_is_checking_it(vendor):
    one, of_all = while_checking(["first"], lambda: check([]))
    assert (of_all.state, of_all.result["at_work"], of_all.result["added"]) == ("done", ["first"], ["second 1.0 amd64"])
    assert (one.result["added"], len(vendor.fetched(".deb"))) == (["first 1.0 amd64"], 2)


def test_a_check_beside_one_of_all_waits_for_it_and_fetches_nothing_again(vendor):
    waiting = request_sync(["first"], None)  # asked for before the other has come to it
    of_all, put_back = while_checking([], lambda: run(waiting))
    assert (put_back.state, of_all.state) == ("queued", "done")
    assert run(waiting).result["known"] == 1
    assert len(vendor.fetched(".deb")) == 2


def test_a_definition_is_free_when_the_job_that_had_it_has_ended_or_died(vendor):
    died = Job.objects.create(kind=Job.Kind.SYNC, state=Job.State.RUNNING)
    check([])
    DefinitionStatus.objects.filter(name="first").update(checked_by=died)
    assert check([]).result["at_work"] == ["first"]
    Job.objects.filter(pk=died.pk).update(state=Job.State.QUEUED)
    assert check([]).result["at_work"] == []
    assert not DefinitionStatus.objects.exclude(checked_by=None).exists()


def test_what_a_person_lets_be_asked_again_while_a_check_runs_is_asked_again(vendor, tmp_path):
    vendor.files["/first-1.0/first_1.0_amd64.deb"] = b"no package"
    assert check(["first"]).state == "failed"
    vendor.releases = []
    for version in ("1.0", "1.1"):
        vendor.publish(build_deb(tmp_path / version, "first", version), f"first-{version}")
        vendor.files[f"/first-{version}/first_{version}_amd64.deb"] = b"no package"
    vendor.serve({"releases": vendor.releases}, "/first.json")
    met_again, again = while_checking(["first"], lambda: request_sync(["first"], None, again=True))
    assert len(vendor.fetched("first_1.0_amd64.deb")) == 1
    assert (again.state, again.pk != met_again.pk) == ("queued", True)
    assert run(again).state == "failed"
    assert len(vendor.fetched("first_1.0_amd64.deb")) == 2
