"""What a publication waits for on S3 and DynamoDB: round trips one after the other. Requests side by side are one."""

import time
import uuid

import pytest

from packages_app.core.locations import DynamoTable, S3Store
from packages_app.core.ports import Silent
from packages_app.services.publication.publish import publish
from packages_app.signing.openpgp import generate_key
from tests.records import make_record
from tests.stack import point_settings_at
from tests.watched_server import Rounds, RoundTrip, WatchedServer, in_sequence

REGION = "eu-central-1"
TO_SWITCH, ALL = 9, 14


@pytest.fixture
def far(moto):
    with WatchedServer(moto) as server:
        yield server


@pytest.fixture
def distributed(far, tmp_path, settings, db):
    name = f"w{uuid.uuid4().hex}"
    stack = point_settings_at(
        settings,
        tmp_path,
        table=DynamoTable(name, REGION, far.url),
        bucket=S3Store(name, "apt", REGION, far.url, "public-read"),
        staging=S3Store(name, "staging", REGION, far.url, ""),
    )
    settings.SIGNING_KEY = generate_key("Test archive")
    return stack


def add(stack, *names, architecture="amd64"):
    for name in names:
        record = make_record(name, architecture=architecture)
        stack.bucket.put(record.pool_path, b"x" * record.file_size)
        stack.table.put_new(record)


def test_a_chain_is_of_trips_that_do_not_overlap():
    trips = [RoundTrip("a", 0, 2), RoundTrip("b", 1, 3), RoundTrip("c", 2, 4), RoundTrip("d", 3.5, 5)]
    assert [trip.name for trip in in_sequence(trips)] == ["a", "c"]
    assert in_sequence([]) == []


@pytest.mark.parametrize("architecture", ["amd64", "all"])
def test_a_publication_of_one_package_waits_for_few_round_trips_in_sequence(distributed, far, architecture):
    """However many indexes the package is in: one of architecture all is in two here."""
    add(distributed, "one", "two")
    publish("stable", Silent())
    add(distributed, "three", architecture=architecture)
    far.rounds, began = Rounds(), time.time()
    publication = publish("stable", Silent())
    trips = far.between(began, time.time())
    assert publication.added == [f"three 1.0 {architecture}"]
    names = [trip.name.rpartition("/")[2] for trip in in_sequence(trips)]
    switch = max(number for number, trip in enumerate(trips) if trip.name.endswith("/InRelease"))
    to_switch = in_sequence(trips[: switch + 1])
    assert len(to_switch) <= TO_SWITCH, names
    assert len(names) <= ALL, names


def test_the_first_publication_of_a_further_suite_reads_no_table_of_other_suites(distributed, far):
    distributed.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing")])
    add(distributed, "one")
    publish("stable", Silent())
    began = time.time()
    publish("testing", Silent())
    names = {trip.name for trip in far.between(began, time.time())}
    assert "GetItem" in names
    assert "Scan" not in names


def test_what_a_release_names_is_in_place_before_it_however_much_goes_up_at_once(distributed, far):
    add(distributed, "one")
    publish("stable", Silent())
    add(distributed, "two")
    far.rounds, began = Rounds(), time.time()
    publish("stable", Silent())
    puts = [trip for trip in far.between(began, time.time()) if trip.name.startswith("PUT") and "/dists/" in trip.name]

    def ended(choose):
        return max(trip.ended for trip in puts if choose(trip.name))

    def began_at(choose):
        return min(trip.began for trip in puts if choose(trip.name))

    def by_hash(name):
        return "/by-hash/" in name

    def index(name):
        return "/binary-" in name and not by_hash(name)

    def release(name):
        return name.endswith(("/Release", "/Release.gpg"))

    def in_release(name):
        return name.endswith("/InRelease")

    assert ended(by_hash) <= began_at(index)
    assert ended(index) <= began_at(release)
    assert ended(release) <= began_at(in_release)
    assert len([trip for trip in puts if index(trip.name)]) > 1 == len(in_sequence([t for t in puts if index(t.name)]))
