"""Publications of changes give, byte for byte, what everything rendered anew gives (R7.3), and cost what changed."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packages_app.core.ports import Silent
from packages_app.indexes.release import parse_release, redated
from packages_app.models import Publication
from packages_app.publishing.baseline import find_baseline
from packages_app.publishing.change_draft import change_draft
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.published import read_published
from packages_app.publishing.shard_cache import ShardCache
from packages_app.publishing.whole_draft import collect, write_indexes
from packages_app.services import adapters
from packages_app.services.adapters import Ports
from packages_app.services.adapters import given as given_ports
from packages_app.services.publication.publish import publish
from packages_app.services.repair.force_rebuild import force_rebuild
from tests.every import examples
from tests.faults.ports import Calls, faulty
from tests.reader import read_stanzas
from tests.records import make_record

SUITES = ("stable", "testing")
NAMES = [f"n{number:03}" for number in range(0, 200, 7)]
ACTS = st.tuples(
    st.sampled_from(NAMES), st.sampled_from(("1.0", "1.1")), st.sampled_from(("amd64", "arm64", "all")),
    st.sets(st.sampled_from(SUITES)),
)  # fmt: skip


def configure(embedded, **others):
    suite = {"version": "1", "description": "d", "components": ["main"], "architectures": ["amd64", "arm64"]}
    both = [{**suite, "name": name, "codename": name, **others} for name in SUITES]
    embedded.configure(suites=both)


def act(embedded, name, version, architecture, suites):
    """Bring a record into just these suites: a new one, or one that moves or goes."""
    known = embedded.table.get(name, version, architecture)
    if known is None:
        record = make_record(name, version, architecture, suites=tuple(suites))
        embedded.bucket.put(record.pool_path, b"package")
        embedded.table.put_new(record)
    else:
        embedded.table.set_suites(known, suites)


def released(suite):
    return read_published(adapters.bucket(), suite, adapters.signer().public_keyring())


def indexes_of(release):
    return {name: entry for name, entry in release.entries.items() if "/Packages.diff/" not in name}


def made_anew(embedded, name):
    suite = adapters.repository().suite(name)
    with tempfile.TemporaryDirectory() as folder:
        collected = collect(suite, embedded.table.records_of(name))
        written = write_indexes(Path(folder), suite, collected, adapters.shard_cache())
    return {file.name: file.entry for index in written.values() for file in index.files}


@settings(max_examples=examples(12, 3), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(ACTS, min_size=1, max_size=5), min_size=2, max_size=5), st.booleans(), st.booleans())
def test_a_history_of_changes_ends_in_the_bytes_of_a_force_rebuild(embedded, history, plain, patches):
    forms = ["plain", "gz", "xz"] if plain else ["gz", "xz"]
    configure(embedded, index_forms=forms, pdiff_above=0 if patches else 10**9)
    for key in embedded.dists():  # of the example before
        embedded.bucket.delete(key)
    for record in embedded.records():
        if record.version != "0.9":
            embedded.table.set_suites(record, [])
    baseline = [make_record(f"n{number:03}", "0.9", "all", suites=SUITES) for number in range(200)]
    for record in baseline:  # enough for several shards
        embedded.bucket.put(record.pool_path, b"package")
    embedded.table.put_many_new(baseline)
    for suite in SUITES:
        publish(suite, Silent(), options=PublicationOptions(rebuild=True))
    keyring = adapters.signer().public_keyring()
    for acts in history:
        for one in acts:
            act(embedded, *one)
        for suite in SUITES:
            publish(suite, Silent())
            assert indexes_of(released(suite).release) == made_anew(embedded, suite)
            shown = {r.key for r in embedded.records() if suite in r.suites}
            assert shown_by(read_stanzas(embedded.bucket, keyring, suite, plain=plain)) == shown
            assert embedded.table.pending_changes_of(suite) == []


def shown_by(stanzas):
    return {(f"{s['Package']}#{s['Version']}", s["Architecture"]) for _, s in stanzas}


def many(embedded, number):
    records = [make_record(f"p{each}", suites=("stable",)) for each in range(number)]
    for record in records:
        embedded.bucket.put(record.pool_path, b"package")
    embedded.table.put_many_new(records)
    publish("stable", Silent())


def add(embedded, name, **values):
    record = make_record(name, **values)
    embedded.bucket.put(record.pool_path, b"package")
    embedded.table.put_new(record)


class CountingCache:
    """A cache that tells what was taken from it and put into it."""

    def __init__(self, cache):
        self.cache, self.taken, self.put = cache, [], []

    def get(self, key):
        self.taken.append(key)
        return self.cache.get(key)

    def set(self, key, value):
        self.put.append(key)
        self.cache.set(key, value)


def test_a_change_reads_one_record_and_renders_one_shard(embedded):
    many(embedded, 600)
    add(embedded, "p77x")
    suite, published = adapters.repository().default_suite, released("stable")
    cache = CountingCache(adapters.shard_cache().cache)
    changes = embedded.table.pending_changes_of("stable")
    baseline = find_baseline(embedded.table, embedded.staging, suite, published, changes)
    assert len(baseline.shards.indexes["main/binary-amd64"]) > 2
    with embedded.bucket.draft_folder() as folder:
        draft = change_draft(folder, suite, baseline, embedded.bucket, ShardCache(cache))
        written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert draft.read == 1
    assert len(cache.put) == 1
    assert len(cache.taken) <= 5 + 1  # the shard as it was with two on each side, and whether the new one is known
    assert written == [f"main/binary-amd64/Packages{ending}" for ending in ("", ".gz", ".xz")]
    publication = publish("stable", Silent())
    assert (publication.records_read, publication.packages, publication.added) == (1, 601, ["p77x 1.0 amd64"])
    assert released("stable").release.entries == made_anew(embedded, "stable")


@pytest.mark.parametrize("lost", ["cache", "list", "index", "damaged index", "name of the release"])
def test_what_is_lost_costs_time_and_changes_nothing(embedded, lost, settings):
    many(embedded, 300)
    entries = released("stable").release.entries
    if lost == "cache":
        adapters.shard_cache().cache.clear()
    if lost == "list":
        for key, _ in list(embedded.staging.keys("shards/")):
            embedded.staging.delete(key)
    if "index" in lost:
        key = f"dists/stable/main/binary-amd64/by-hash/SHA256/{entries['main/binary-amd64/Packages.xz'].sha256}"
        embedded.bucket.delete(key) if lost == "index" else embedded.bucket.put(key, b"x" * 2000)
    if lost == "name of the release":
        embedded.table.keep_releases("stable", ["0123456789abcdef"])
    add(embedded, "p77x")
    publication = publish("stable", Silent())
    assert publication.records_read == (1 if lost == "cache" else 301)
    assert released("stable").release.entries == made_anew(embedded, "stable")
    add(embedded, "p78x")
    assert publish("stable", Silent()).records_read == 1


@pytest.mark.parametrize("forms", [["plain", "gz", "xz"], ["gz"]])
@pytest.mark.parametrize("damage", ["within", "cut off", "no gzip"])
@pytest.mark.parametrize("kept", [True, False], ids=["shards kept", "no shards kept"])
def test_a_damaged_gzip_form_is_never_built_upon(embedded, forms, damage, kept):
    embedded.configure(suites=[{"index_forms": forms}])
    many(embedded, 300)
    entry = released("stable").release.entries["main/binary-amd64/Packages.gz"]
    key = f"dists/stable/main/binary-amd64/by-hash/SHA256/{entry.sha256}"
    body = embedded.bucket.read(key)
    corrupt = {"within": body[:100] + bytes(500) + body[600:], "cut off": body[:900], "no gzip": b"x" * 3000}
    embedded.bucket.put(key, corrupt[damage])
    if not kept:
        adapters.shard_cache().cache.clear()
    add(embedded, "p77x")
    assert publish("stable", Silent()).records_read == 301
    assert indexes_of(released("stable").release) == made_anew(embedded, "stable")


def test_a_renewal_reads_no_record_and_leaves_the_indexes_and_what_is_pending(embedded):
    many(embedded, 5)
    before = released("stable")
    add(embedded, "pending")
    pending = embedded.table.pending_changes_of("stable")
    calls = Calls()
    with given_ports(faulty(Ports(embedded.table, embedded.bucket, embedded.staging), calls)):
        publication = publish("stable", Silent(), options=PublicationOptions(resign=True))
    asked = {name.split()[0] for name in calls.names}
    assert not asked & {"table.records_of", "table.documents_of", "table.all_records", "table.get"}
    assert (publication.records_read, publication.packages, publication.added) == (0, 5, [])
    after = released("stable")
    assert after.release.date > before.release.date
    assert after.release.entries == before.release.entries
    assert after.text == redated(before.text, after.release.date, after.release.valid_until - after.release.date)
    assert embedded.table.pending_changes_of("stable") == pending
    assert publish("stable", Silent()).records_read == 1


@pytest.mark.parametrize("lost", ["list", "index", "name of the release"])
def test_a_renewal_whose_base_is_lost_reads_the_suite(embedded, lost):
    many(embedded, 5)
    add(embedded, "pending")
    if lost == "list":
        for key, _ in list(embedded.staging.keys("shards/")):
            embedded.staging.delete(key)
    if lost == "index":
        embedded.configure(suites=[{"index_forms": ["gz"]}])
    if lost == "name of the release":
        embedded.table.keep_releases("stable", ["0123456789abcdef"])
    publication = publish("stable", Silent(), options=PublicationOptions(resign=True))
    assert (publication.records_read, publication.packages) == (6, 6)
    assert embedded.table.pending_changes_of("stable") == []


def test_a_record_without_a_pending_change_is_found_by_a_force_rebuild(embedded):
    many(embedded, 5)
    embedded.table.put_new(make_record("unmarked"))
    embedded.table.remove_pending_changes("stable", embedded.table.pending_changes_of("stable"))
    force_rebuild(["stable"], Silent())
    assert Publication.objects.first().packages == 6


def test_a_changed_shape_is_rendered_whole(embedded):
    many(embedded, 5)
    embedded.configure(suites=[{"index_forms": ["gz"]}])
    assert publish("stable", Silent()).records_read == 5
    assert [name for name in released("stable").release.entries if name.endswith("amd64/Packages.xz")] == []
    assert parse_release(released("stable").text).entries == made_anew(embedded, "stable")
