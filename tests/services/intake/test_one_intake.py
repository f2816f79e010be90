"""One file is a batch of one: the same files taken in together, one by one or mixed leave the same repository."""

import itertools
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packages_app.core.ports import Silent
from packages_app.core.rights import EVERYTHING
from packages_app.models import Job, Package, SuiteMembership
from packages_app.services.intake.admit import admission_of_uploads
from packages_app.services.intake.take_in import Refused, StagedFile, take_in
from tests.debs import build_deb
from tests.every import examples
from tests.stack import point_settings_at

SUITES = ("stable", "testing")


def repository(settings, home):
    """A repository of its own, with an empty mirror."""
    stack = point_settings_at(settings, home)
    stack.configure(suites=[{}, {"name": "testing", "codename": "testing"}])
    stack.define_uploads("tool", architecture=["amd64", "arm64"])
    stack.define_uploads("libtool")
    for model in (Package, Job):
        model.objects.all().delete()
    return stack


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Sound packages, other bytes of one of them, two that share a name in the pool, and what is refused."""
    folder = tmp_path_factory.mktemp("files")
    debs = [
        build_deb(folder, "tool", "1.0"),
        build_deb(folder, "tool", "1.0", "arm64"),
        build_deb(folder, "tool", "2.0"),
        build_deb(folder, "libtool", "1.0"),
        build_deb(folder / "other", "tool", "1.0", files={"usr/x": b"other"}),
        build_deb(folder / "epoch", "tool", "1:2.0"),
        build_deb(folder, "stranger", "1.0"),
        build_deb(folder, "libtool", "1.0", "arm64"),
    ]
    page = folder / "page.deb"
    page.write_bytes(b"<html>")
    return [*debs, page]


def left_by(stack):
    """Everything that an intake leaves, but for its date."""
    records = {record.key: {**record.as_dict(), "processed_timestamp": ""} for record in stack.records()}
    pool = {key: stack.bucket.read(key) for key, _ in stack.bucket.keys("pool/")}
    pending = {suite: sorted({change.key for change in stack.table.pending_changes_of(suite)}) for suite in SUITES}
    rows = sorted(Package.objects.values_list("package_id", "architecture", "sha256_hash", "pool_path"))
    members = sorted(SuiteMembership.objects.values_list("package__package_id", "package__architecture", "suite"))
    publications = sorted(Job.objects.filter(state=Job.State.QUEUED).values_list("kind", "subject"))
    return records, pool, pending, rows, members, publications


def offered(files, order, *, on_disk):
    """Give files in an order, in memory or as paths."""
    return [
        StagedFile(f"{number}", files[number] if number in on_disk else files[number].read_bytes()) for number in order
    ]


def taken_in(batches, suite):
    admission, outcomes = admission_of_uploads(EVERYTHING, suite=suite), []
    for batch in batches:
        outcomes += take_in(batch, admission, Silent())
    return [
        (outcome.name, outcome.error.code) if isinstance(outcome, Refused) else (outcome.name, outcome.added)
        for outcome in outcomes
    ]


@pytest.mark.django_db
@settings(max_examples=examples(12, 6), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_together_one_by_one_and_mixed_leave_the_same_repository(files, settings, tmp_path_factory, data):
    numbers = st.integers(0, len(files) - 1)
    order = data.draw(st.lists(numbers, min_size=1, max_size=8), label="files")
    on_disk = data.draw(st.sets(numbers), label="on disk")
    cuts = data.draw(st.sets(st.integers(1, len(order))), label="batches end at")
    suite = data.draw(st.sampled_from(("", "testing")), label="suite")
    orphan = data.draw(st.sampled_from((None, 0, 4)), label="an orphan in the pool")
    before = data.draw(st.lists(numbers, max_size=3), label="there before, in stable")
    edges = [0, *sorted(cuts - {len(order)}), len(order)]
    every = offered(files, order, on_disk=on_disk)
    ways = {
        "together": [every],
        "one by one": [[file] for file in every],
        "mixed": [every[start:end] for start, end in itertools.pairwise(edges)],
    }
    seen = {}
    for way, batches in ways.items():
        stack = repository(settings, tmp_path_factory.mktemp("repository"))
        if orphan is not None:
            stack.bucket.put("pool/main/t/tool/tool_1.0_amd64.deb", files[orphan])
        taken_in([offered(files, before, on_disk=set())], "stable")
        seen[way] = taken_in(batches, suite), left_by(stack)
    assert seen["one by one"] == seen["together"]
    assert seen["mixed"] == seen["together"]


def test_a_refused_file_keeps_its_place_among_the_outcomes(embedded, files):
    embedded.define_uploads("tool", architecture=["amd64", "arm64"])
    batch = offered(files, [8, 0, 4, 6, 0, 2], on_disk={0, 4})
    assert taken_in([batch], "") == [
        ("8", "invalid_deb"),
        ("0", True),
        ("4", "version_conflict"),
        ("6", "not_defined"),
        ("0", False),
        ("2", True),
    ]


def test_a_file_on_disk_is_not_read_into_memory(embedded, tmp_path):
    embedded.define_uploads("tool")
    size = 24 * 1024 * 1024
    deb = build_deb(tmp_path, "tool", "1.0", compression="", files={"usr/large": bytes(size)})
    tracemalloc.start()
    try:
        assert taken_in([[StagedFile(deb.name, deb)]], "") == [(deb.name, True)]
        assert tracemalloc.get_traced_memory()[1] < size / 2
    finally:
        tracemalloc.stop()
    assert embedded.records()[0].file_size == deb.stat().st_size > size
