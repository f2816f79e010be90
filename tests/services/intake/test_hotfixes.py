"""A version made by hand of a package that a source watches: by right, told of, not mixed up with the source's."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission

from packages_app.core.errors import PackageRefused, RightMissing, UpstreamError
from packages_app.core.hand_made import maker_of
from packages_app.core.ports import Silent
from packages_app.models import Conflict, Notice
from packages_app.services import adapters
from packages_app.services.intake.sync import sync_packages
from packages_app.services.intake.upload_batch import stage_batch
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.setup.groups import ensure_groups
from tests.debs import build_deb
from tests.feeds import Feed
from tests.reader import read_everything


@pytest.fixture
def feed():
    with Feed() as feed:
        yield feed


@pytest.fixture
def member(embedded, feed):
    ensure_groups()
    embedded.define("tool", {"type": "external_download", "endpoint": feed.endpoint})

    def make(group, *rights):
        user, _ = get_user_model().objects.get_or_create(username=group)
        user.groups.set([Group.objects.get(name=group)])
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        return get_user_model().objects.get(pk=user.pk)

    return make


def offer(feed, folder, version, **details):
    deb = build_deb(folder / f"upstream-{version}", "tool", version, files={"usr/share/tool": b"upstream's"})
    feed.files[f"/{deb.name}"] = deb.read_bytes()
    feed.serve({"version": version, "url": f"/{deb.name}", **details})
    return deb


def told():
    return list(Notice.objects.filter(kind=Notice.Kind.HAND_MADE_VERSION).values_list("subject", "level", "settled"))


def seen_by_clients(stack):
    return {key[1] for key in read_everything(stack.bucket, adapters.signer().public_keyring()) if key[0] == "tool"}


def test_a_hotfix_stands_beside_the_sources_versions_until_a_newer_one_comes(embedded, feed, member, tmp_path):
    offer(feed, tmp_path, "1.0")
    sync_packages([], Silent())
    hotfix = build_deb(tmp_path, "tool", "1.1")
    stage_upload(hotfix, hotfix.name, user=member("Publishers"))
    assert {job.state for job in embedded.run_jobs()} == {"done"}
    record = adapters.package_table().newest_of("tool")
    assert (record.version, maker_of(record), record.deb_url) == ("1.1", "Publishers", "")
    assert told() == [("tool", "warning", None)]
    assert seen_by_clients(embedded) == {"1.0", "1.1"}

    # Upstream makes the same version, and says nothing of its bytes: it is not taken for the one made by hand.
    offer(feed, tmp_path, "1.1")
    with pytest.raises(UpstreamError, match=r"tool 1\.1 amd64"):
        sync_packages([], Silent())
    [conflict] = Conflict.objects.all()
    assert (conflict.known_sha256, conflict.version) == (record.sha256_hash, "1.1")
    fetched = len(feed.requests)
    sync_packages([], Silent())
    assert len(feed.requests) == fetched + 1  # the document alone: the same file is not fetched at each check
    for said in ({"size": record.file_size + 1}, {"sha256": "0" * 64}):  # known as another one without being fetched
        fetched = len(feed.requests)
        offer(feed, tmp_path, "1.1", **said)
        with pytest.raises(UpstreamError, match=r"tool 1\.1 amd64"):
            sync_packages([], Silent())
        assert len(feed.requests) == fetched + 1
    assert embedded.records()[-1].sha256_hash == record.sha256_hash
    assert told() == [("tool", "warning", None)]

    offer(feed, tmp_path, "1.2")
    assert sync_packages([], Silent())["added"] == ["tool 1.2 amd64"]
    assert [settled is not None for _, _, settled in told()] == [True]
    embedded.run_jobs()
    assert seen_by_clients(embedded) == {"1.0", "1.1", "1.2"}
    assert adapters.package_table().newest_of("tool").version == "1.2"
    older = build_deb(tmp_path, "tool", "1.1+fix1")
    stage_upload(older, older.name)
    embedded.run_jobs()
    assert [settled is not None for _, _, settled in told()] == [True]  # clients get upstream's


def test_a_hotfix_is_a_right_of_its_own_at_the_request_and_when_it_is_done(embedded, member, tmp_path):
    hotfix = build_deb(tmp_path, "tool", "1.1")
    with pytest.raises(RightMissing):
        stage_upload(hotfix, hotfix.name, user=member("Uploaders"))
    assert list(embedded.staging.keys("uploads/")) == []
    by_right = member("Uploaders", "hotfix_package")
    stage_upload(hotfix, hotfix.name, user=by_right)
    stage_batch([(hotfix.name, hotfix.read_bytes())], user=by_right)
    member("Uploaders")  # who has it no more
    assert [(job.state, job.error_code) for job in embedded.run_jobs()] == [
        ("failed", "right_missing"), ("failed", "package_refused"),
    ]  # fmt: skip
    assert embedded.records() == []
    embedded.define("tool", {"type": "external_download", "endpoint": "https://example.org/x"}, enabled=False)
    with pytest.raises(PackageRefused):  # what is switched off is
        stage_upload(hotfix, hotfix.name)
