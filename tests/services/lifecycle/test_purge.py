"""Purged: every copy goes, in an order that clients meet no 404 in, and the version is refused for ever."""

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import PackageRefused, RightMissing, StoreMissing
from packages_app.core.ports import Silent
from packages_app.core.suite_change import PurgeUnfinished, VersionPurged, What
from packages_app.models import Job, Package
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.lifecycle.move import keys_selected
from packages_app.services.lifecycle.purge import do_purge, plan_purge, request_purge
from packages_app.services.snapshots.snapshots import create_snapshot, snapshots_naming
from tests.bootstraps import files_of
from tests.commands.calling import call, refused
from tests.debs import build_deb
from tests.records import make_record
from tests.services.lifecycle.test_move import TWO, clients_see, do, put
from tests.services.lifecycle.test_retention import found_later
from tests.services.test_sweep import Between


def purge(query, name, reason="a key is in it", **more):
    return request_purge(keys_selected(query), reason, name, **more)


def upload(stack, deb):
    stage_upload(deb, deb.name)
    return stack.run_jobs()[0]


def has(stack, body):
    """The keys of all objects, in bucket and staging, that have these bytes."""
    return [key for store in (stack.bucket, stack.staging) for key, _ in store.keys("") if store.read(key) == body]


def test_every_copy_goes_and_the_version_is_refused_for_ever(embedded, tmp_path):
    embedded.configure(suites=TWO)
    embedded.define_uploads("tool", suites=["stable", "testing"])
    old, deb = build_deb(tmp_path, "tool", "1.0"), build_deb(tmp_path, "tool", "2.0")
    assert [upload(embedded, one).state for one in (old, deb)] == ["done", "done"]
    body = deb.read_bytes()
    for key in ("uploads/0/again.deb", "quarantine/x.deb", "swept/20260101/pool/main/t/tool/tool_2.0_amd64.deb"):
        embedded.staging.put(key, body)
    assert len(has(embedded, body)) == 4
    purge("tool (= 2.0)", "tool", requested_as="root")
    [job, *_] = embedded.run_jobs()
    assert (job.state, job.result["purged"], len(job.result["objects"])) == ("done", 1, 4), job.error
    assert has(embedded, body) == []
    assert (clients_see(embedded), clients_see(embedded, "testing")) == (["tool_1.0"], ["tool_1.0"])
    assert not Package.objects.filter(version="2.0").exists()
    changes = embedded.table.suite_changes_of("tool", "2.0")
    assert [one.what for one in changes] == [What.TAKEN_IN, What.WITHDRAWN, What.PURGED]
    assert (changes[0].reason, changes[-1].reason) == ("upload", "a key is in it")
    other = build_deb(tmp_path / "other", "tool", "2.0", Section="net")
    for file in (deb, other):
        job = upload(embedded, file)
        assert (job.state, job.error_code) == ("failed", "version_purged"), job.error
        assert "a key is in it" in job.error
        assert has(embedded, file.read_bytes()) == []
    assert refused("purge", "tool", "2.0", "--dry-run").code == "version_purged"
    assert found_later(days=2) == set()


def test_the_convenience_copy_is_renewed_and_goes_with_the_last_version(embedded, tmp_path):
    keyring = adapters.signer().public_keyring()
    files = files_of("kiro-repo", "https://apt.example.org", "kiro-archive-keyring", keyring)
    for version in ("1.0.0", "2.0.0"):
        assert upload(embedded, build_deb(tmp_path, "kiro-repo", version, "all", files=files)).state == "done"
    assert embedded.bucket.head("kiro-repo.deb").metadata["version"] == "2.0.0"
    for left in ("1.0.0", ""):
        purge("kiro-repo (>= 2)" if left else "kiro-repo", "kiro-repo")
        job = embedded.run_jobs()[0]
        assert job.state == "done", job.error
        copy = embedded.bucket.head("kiro-repo.deb")
        assert (copy.metadata["version"] if copy else "") == left


def test_what_makes_no_sense_is_refused_and_changes_nothing(embedded):
    put(embedded, "tool_1.0", "other_1")
    twin = make_record("tool", "1:1.0", pool_path=make_record("tool", "1.0").pool_path)
    for query, typed, reason in (
        ("tool", "Tool", "x"), ("tool", "", "x"), ("tool", "tool", " "), ("tool | other", "tool", "x"),
    ):  # fmt: skip
        with pytest.raises(PackageRefused):
            purge(query, typed, reason)
    with pytest.raises(PackageRefused):
        plan_purge([])
    embedded.table.put_new(twin)
    with pytest.raises(PackageRefused, match="same file"):
        purge("tool", "tool")
    ann = get_user_model().objects.create_user("ann", is_staff=True)
    with pytest.raises(RightMissing):
        purge("other", "other", user=ann)
    assert not Job.objects.filter(kind="purge").exists()
    assert embedded.table.suite_changes_of("tool", "1.0") == []


def test_a_suite_that_is_held_back_keeps_the_file(embedded):
    [record] = put(embedded, "tool_1.0")
    embedded.table.put_new(make_record("ghost"))  # whose file is in no pool: held back
    purge("tool", "tool")
    [job, *_] = embedded.run_jobs()
    assert (job.state, job.error_code) == ("failed", "candidate_held")
    assert clients_see(embedded) == ["tool_1.0"]
    assert embedded.bucket.head(record.pool_path) is not None
    assert embedded.table.get("tool", "1.0", "amd64").suites == ()


class Dies:
    """A port whose process dies with one call: it is done, and nothing after it."""

    def __init__(self, port, call):
        self._port, self._call = port, call

    def __getattr__(self, method):
        attribute = getattr(self._port, method)

        def call(*arguments, **options):
            done = attribute(*arguments, **options)
            if self._call in (method, f"{method} {arguments[0] if arguments else ''}"):
                raise KeyboardInterrupt
            return done

        return call if callable(attribute) else attribute


@pytest.mark.parametrize(
    ("port", "call"),
    [
        ("table", "set_suites_of_many"), ("bucket", "put dists/stable/InRelease"), ("table", "purge"),
        ("bucket", "delete pool/main/t/tool/tool_2.0_amd64.deb"), ("staging", "delete quarantine/x.deb"),
    ],
)  # fmt: skip
def test_whoever_dies_on_the_way_leaves_no_404_and_the_next_run_completes_it(embedded, port, call):
    _, record = put(embedded, "tool_1.0", "tool_2.0")
    embedded.staging.put("quarantine/x.deb", embedded.bucket.read(record.pool_path))
    job = purge("tool (= 2.0)", "tool")
    ports = {"table": embedded.table, "bucket": embedded.bucket, "staging": embedded.staging}
    with adapters.given(adapters.Ports(**{**ports, port: Dies(ports[port], call)})), pytest.raises(KeyboardInterrupt):
        do_purge(job, Silent())
    led_to = [embedded.bucket.head(record.pool_path)] if "tool_2.0" in clients_see(embedded) else []
    assert None not in led_to
    do_purge(job, Silent())
    assert clients_see(embedded) == ["tool_1.0"]
    assert embedded.bucket.head(record.pool_path) is None
    assert [*embedded.staging.keys("quarantine/")] == []
    assert embedded.table.look_up([record.key])[1]
    assert not Package.objects.filter(version="2.0").exists()


def test_a_version_that_was_withdrawn_before_is_purged_too(embedded):
    [record] = put(embedded, "tool_1.0")
    do(embedded, What.WITHDRAWN, "tool")
    call("purge", "tool", "1.0", "--reason", "x", "--name", "tool")
    assert embedded.bucket.head(record.pool_path) is None
    with pytest.raises(VersionPurged):
        embedded.table.put_new(record)


def test_the_command_wants_the_name_and_says_what_is_out_of_reach(embedded):
    put(embedded, "tool_1.0", "tool_2.0")
    said = call("purge", "tool (= 2.0)", "--dry-run")
    assert "stable: tool amd64: 2.0 → 1.0" in said
    assert "CDN" in said
    assert refused("purge", "tool (= 2.0)", "--reason", "x").returncode == 2
    assert refused("purge", "tool (= 2.0)", "--reason", "x", "--name", "took").returncode == 2
    assert clients_see(embedded) == ["tool_1.0", "tool_2.0"]
    call("purge", "tool (= 2.0)", "--reason", "x", "--name", "tool")
    assert clients_see(embedded) == ["tool_1.0"]


def test_a_superuser_purges_on_a_page_by_the_name(embedded, admin_client):
    put(embedded, "tool_1.0", "tool_2.0")
    page = f"/admin/packages_app/package/{Package.objects.get(version='2.0').pk}/purge/"
    assert admin_client.get(page).status_code == 200
    answer = admin_client.post(page, {"reason": "x", "typed": "no"})
    assert answer["Location"] == page
    assert not Job.objects.filter(kind="purge").exists()
    admin_client.post(page, {"reason": "x", "typed": "tool"})
    embedded.run_jobs()
    assert clients_see(embedded) == ["tool_1.0"]


def test_its_page_reads_each_index_of_snapshots_once_and_no_more_than_so_many(embedded, admin_client):
    put(embedded, "tool_1.0", "other_1")
    for name in ("a", "b"):
        create_snapshot("stable", name, Silent())
    put(embedded, "other_2")
    create_snapshot("stable", "c", Silent())
    keys, read = keys_selected("tool"), []

    def count(key):
        read.append(key)
        return bucket.read(key)

    bucket = embedded.bucket
    ports = adapters.Ports(embedded.table, Between(bucket, read=count), embedded.staging)
    page = f"/admin/packages_app/package/{Package.objects.get(package_id='tool#1.0').pk}/purge/"
    with adapters.given(ports):
        few = snapshots_naming("tool", keys, most=2)
        assert (few.named, few.unread) == (("stable a", "stable b"), 1)
        assert "stable a, stable b, stable c" in admin_client.get(page).content.decode()
        by_hash = [key for key in read if "/snapshots/" in key and "/by-hash/" in key]
        assert len(by_hash) == len({key.rpartition("/")[2] for key in by_hash}) > 1
        read.clear()
        admin_client.get(page)
        admin_client.post(page, {"reason": "x", "typed": "tool"})
    assert [key for key in read if "/snapshots/" in key and "/by-hash/" in key] == []


def refusing(stack, *keys):
    """The stack's ports, with a bucket that lets nobody delete these objects, and any other."""

    bucket = stack.bucket

    def delete(key):
        if key in keys:
            raise StoreMissing(f"{key} is refused.", remedy="None: it is brought in by a test.")
        bucket.delete(key)

    return adapters.given(adapters.Ports(stack.table, Between(bucket, delete=delete), stack.staging))


def test_a_file_that_may_not_be_removed_after_all_is_removed_by_the_next_run(embedded):
    _, record = put(embedded, "tool_1.0", "tool_2.0")
    job = purge("tool (= 2.0)", "tool")
    with refusing(embedded, record.pool_path):
        assert embedded.run_jobs()[0].error_code == "purge_unfinished"
        with pytest.raises(PurgeUnfinished, match="tool_2.0"):
            do_purge(job, Silent())
    assert embedded.table.look_up([record.key])[1]
    assert clients_see(embedded) == ["tool_1.0"]
    do_purge(job, Silent())
    assert embedded.bucket.head(record.pool_path) is None


def test_a_convenience_copy_that_may_not_be_removed_keeps_the_record(embedded, tmp_path):
    keyring = adapters.signer().public_keyring()
    files = files_of("kiro-repo", "https://apt.example.org", "kiro-archive-keyring", keyring)
    assert upload(embedded, build_deb(tmp_path, "kiro-repo", "1.0.0", "all", files=files)).state == "done"
    [record] = embedded.records()
    purge("kiro-repo", "kiro-repo")
    with refusing(embedded, "kiro-repo.deb"):
        assert embedded.run_jobs()[0].error_code == "removal_refused"
    assert embedded.table.look_up([record.key])[0]
    assert embedded.bucket.head(record.pool_path) is not None
