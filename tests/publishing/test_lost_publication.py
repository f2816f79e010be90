"""Where table and indexes are lost and the pool is not, nobody's packages vanish without a person's word."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from packages_app.core.caution import Caution, with_cautions
from packages_app.core.errors import CandidateHeld
from packages_app.core.layout import by_hash_path
from packages_app.core.ports import Silent
from packages_app.indexes.release import parse_release
from packages_app.models import HeldCandidate
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.services.sweep import sweep
from tests.reader import read_suite
from tests.records import make_record

LOST = "publication_lost"


def add(stack, *names):
    for name in names:
        record = make_record(name)
        stack.table.put_new(record)
        stack.bucket.put(record.pool_path, f"{name}#1.0#amd64".encode())


def keep_the_pool_alone(stack):
    """Lose the table and everything below dists/, an hour after the packages came."""
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    for key, _ in stack.bucket.keys("pool/"):
        os.utime(settings.BUCKET.path / key, (an_hour_ago, an_hour_ago))
    for key in stack.dists():
        stack.bucket.delete(key)
    for file in settings.PACKAGE_TABLE.path.parent.glob(f"{settings.PACKAGE_TABLE.path.name}*"):
        file.unlink()
    adapters.package_table().create()


def held_for(options=None):
    with pytest.raises(CandidateHeld):
        publish("stable", Silent(), options=options or PublicationOptions())
    row = HeldCandidate.objects.get(state="waiting")
    return [(finding["code"], finding["items"]) for finding in row.findings]


@pytest.fixture
def published(embedded):
    add(embedded, "one", "two")
    publish("stable", Silent())
    return embedded


def test_an_empty_suite_over_a_pool_that_nobody_knows_waits(published):
    pool = [key for key, _ in published.bucket.keys("pool/")]
    keep_the_pool_alone(published)
    assert held_for() == [(LOST, pool)]
    assert held_for(PublicationOptions(rebuild=True, new_identity=True, new_key=True)) == [(LOST, pool)]
    assert published.dists() == {}
    swept = sweep(Silent(), now=datetime.now(UTC) + timedelta(days=400))
    assert (swept["pool"]["objects"], len(swept["kept_back"])) == (0, 2)
    assert [key for key, _ in published.bucket.keys("pool/")] == pool


def test_one_new_record_does_not_hide_that_the_others_are_lost(published):
    pool = [key for key, _ in published.bucket.keys("pool/")]
    keep_the_pool_alone(published)
    add(published, "three")
    assert held_for() == [(LOST, pool)]


def test_a_file_whose_record_is_on_its_way_holds_nothing(embedded):
    add(embedded, "one")
    embedded.bucket.put("pool/main/t/two/two_1.0_amd64.deb", b"package")
    publish("stable", Silent())
    assert len(read_suite(embedded.bucket, adapters.signer().public_keyring())) == 1


def test_records_of_all_files_again_are_published(published):
    keep_the_pool_alone(published)
    add(published, "one", "two")
    publish("stable", Silent())
    assert len(read_suite(published.bucket, adapters.signer().public_keyring())) == 2


def test_a_new_package_with_a_caution_waits_though_the_indexes_in_place_can_not_be_read(published):
    record = with_cautions(make_record("three"), [Caution("setuid", "/usr/bin/su has mode 4755")])
    published.table.put_new(record)
    published.bucket.put(record.pool_path, b"three#1.0#amd64")
    release = parse_release(published.bucket.read("dists/stable/Release"))
    for name, entry in release.entries.items():
        for key in (f"dists/stable/{name}", by_hash_path("stable", name, entry.sha256)):
            published.bucket.delete(key)
    findings = dict(held_for(PublicationOptions(rebuild=True)))
    assert findings == {"setuid": ["three 1.0 amd64 setuid: /usr/bin/su has mode 4755"]}
