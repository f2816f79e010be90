"""Properties of the whole way, on the embedded adapters: any mix of records, and what clients then see."""

import shutil
import tempfile
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.layout import cache_control, content_type
from packages_app.core.ports import Silent
from packages_app.core.version import version_key, without_epoch
from packages_app.models import Job, Package, Publication
from packages_app.services import adapters
from packages_app.services.intake.sync import sync_packages
from packages_app.services.mirror.packages import reconcile_mirror
from packages_app.services.publication.publish import publish
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.stores.immutable import put_immutable
from tests.debs import build_deb
from tests.every import examples
from tests.feeds import METADATA, Feed
from tests.reader import read_everything
from tests.records import make_record, record_lists, versions
from tests.stack import point_settings_at_copy

EXAMPLES = examples(100)
# File names carry no epoch (Debian Policy 5.6.12), so 1:2.0 and 2.0 of one package can't both be in the pool.
version_lists = st.lists(versions, min_size=1, max_size=4, unique_by=(version_key, without_epoch))


@pytest.fixture
def anew(db, empty_home):
    """Gives an empty repository each time it is called.

    Its settings lie in one layer over the others: the `settings` fixture makes one for each change, and a hundred
    examples of them are too deep.
    """
    homes = []

    def make():
        Package.objects.all().delete()
        Publication.objects.all().delete()
        Job.objects.all().delete()
        homes.append(Path(tempfile.mkdtemp(prefix="repomgr-example-")))
        return point_settings_at_copy(live_settings, empty_home, homes[-1])

    with override_settings():
        yield make
    for home in homes:
        shutil.rmtree(home)


def fill(stack, records):
    """Put records into the table and their files into the pool, as intake leaves them."""
    for record in records:
        body = f"{record.package_name}#{record.version}#{record.architecture}".encode()
        put_immutable(stack.bucket, record.pool_path, body, checksums_of_bytes(body))
        stack.table.put_new(record)


def offered(records):
    architectures = {"all": ("amd64", "arm64")}
    return {
        (record.package_name, record.version, architecture)
        for record in records
        if not record.missing_fields()
        for architecture in architectures.get(record.architecture, (record.architecture,))
    }


@settings(max_examples=EXAMPLES)
@given(record_lists(max_size=6, incomplete=True))
def test_p3_p4_p9_a_force_rebuild_reads_each_record_once_and_gives_a_publications_bytes(anew, client, drawn):
    stack = anew()
    fill(stack, drawn)
    publish("stable", Silent())
    keyring = adapters.signer().public_keyring()
    assert read_everything(stack.bucket, keyring) == offered(drawn)
    dated = ("/InRelease", "/Release", "/Release.gpg")
    before = {key: body for key, body in stack.dists().items() if not key.endswith(dated)}
    for key in stack.dists():
        stack.bucket.delete(key)
    force_rebuild([], Silent())
    assert Publication.objects.first().records_read == len(drawn)
    assert {key: body for key, body in stack.dists().items() if not key.endswith(dated)} == before
    reconcile_mirror(Silent())  # as the job does that the rebuild has asked for
    assert Package.objects.count() == len(drawn)


@settings(max_examples=EXAMPLES)
@given(record_lists(max_size=5))
def test_p15_p16_p17_every_object_stands_and_is_served_where_and_as_it_should_be(anew, client, drawn):
    stack = anew()
    fill(stack, drawn)
    stack.staging.put("uploads/private", b"private")
    publish("stable", Silent())
    public = [key for key, _ in stack.bucket.keys("")]
    allowed = ("pool/main/", "dists/stable/main/binary-", "dists/stable/InRelease", "dists/stable/Release")
    rest = {key for key in public if not key.startswith(allowed)}
    assert rest <= {"index.html", "kiro-repo.deb", "kiro-archive-keyring.gpg"}
    for key in public:
        response = client.get(f"/repository/{key}")
        assert response.status_code == 200
        assert response["Content-Type"] == content_type(key)
        assert response["Cache-Control"] == cache_control(key)
        assert b"".join(response) == stack.bucket.read(key)  # and so it is closed by the client
    assert client.get("/repository/uploads/private").status_code == 404
    assert client.get("/repository/staging/uploads/private").status_code == 404


@settings(max_examples=EXAMPLES)
@given(version_lists)
def test_p10_p11_p12_the_convenience_copy_is_the_newest_version_at_its_fixed_key(anew, drawn):
    stack = anew()
    fill(stack, [make_record("kiro-repo", version, "all") for version in drawn])
    publish("stable", Silent())
    newest = max(stack.records(), key=lambda record: record.version_key)
    body = stack.bucket.read("kiro-repo.deb")
    assert body == stack.bucket.read(newest.pool_path)
    assert checksums_of_bytes(body).sha256 == newest.sha256_hash
    info = stack.bucket.head("kiro-repo.deb")
    assert info.size == newest.file_size > 0
    assert (info.metadata["version"], info.metadata["package"]) == (newest.version, "kiro-repo")


@settings(max_examples=EXAMPLES)
@given(version_lists)
def test_p18_a_known_version_is_never_fetched_or_stored_again(anew, drawn):
    stack = anew()
    with Feed() as feed:
        for version in drawn:
            feed.publish(build_deb(stack.home / "made" / version.replace(":", "_"), "tool", version), version)
        stack.define("tool", {"type": "external_download", "endpoint": feed.url + METADATA})
        sync_packages([], Silent())
        fetched, before = len(feed.fetched(".deb")), (stack.records(), list(stack.bucket.keys("pool/")))
        result = sync_packages([], Silent())
        assert result["added"] == []
        assert len(feed.fetched(".deb")) == fetched
        assert (stack.records(), list(stack.bucket.keys("pool/"))) == before
