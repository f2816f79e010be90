"""A suite rolled back to a publication of it: what clients see, what is undone, and what comes in between."""

import platform
import random
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import PackageRefused, RightMissing
from packages_app.core.history_errors import ContentsGone, NoPlaceAnyMore, NothingToRollBack, PublicationUnknown
from packages_app.core.ports import Silent
from packages_app.core.record import named_key
from packages_app.core.suite_change import What
from packages_app.models import Job, Package, Publication
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.lifecycle.move import request_move
from packages_app.services.lifecycle.publications import difference_of, pin
from packages_app.services.lifecycle.rollback import do_rollback, plan_rollback, request_rollback
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.packages import mirror_differences, mirror_records
from packages_app.services.old_rows import remove_old_rows
from packages_app.services.publication.publish import publish
from packages_app.services.publication.shown import shown_as, shown_by, shown_now
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.services.sweep import sweep
from tests.commands.calling import call, refused
from tests.debs import build_deb
from tests.reader import read_stanzas
from tests.records import make_record

TWO = [{"name": "stable"}, {"name": "testing", "codename": "testing"}]


def put(stack, *names, suites=("stable",), architecture="amd64", **fields):
    """Put packages named `name_version` into pool and table, and publish; gives the last publication's number."""
    for name, _, version in (name.partition("_") for name in names):
        record = make_record(name, version, architecture, suites=suites, **fields)
        stack.bucket.put(record.pool_path, f"{name}#{version}#{architecture}".encode())
        stack.table.put_new(record)
        mirror_records([record])
    for suite in adapters.repository().suites:
        publish(suite.name, Silent())
    return Publication.objects.filter(suite=suites[0]).first().pk


def withdraw(*names, suites=("stable",)):
    keys = tuple((f"{name.replace('_', '#')}", "amd64") for name in names)
    request_move(Move(What.WITHDRAWN, keys, suites), "it breaks")


def roll_back(stack, to, suite="stable", reason="it breaks"):
    request_rollback(suite, str(to), reason, requested_as="root")
    done = stack.run_jobs()
    assert {job.state for job in done} == {"done"}, [job.error for job in done]
    return next(job for job in done if job.kind == Job.Kind.ROLL_BACK)


def last(suite="stable"):
    return Publication.objects.filter(suite=suite).first()


def indexes(stack, suite="stable"):
    return {key: body for key, body in stack.dists().items() if key.startswith(f"dists/{suite}/main/")
            and "/by-hash/" not in key}  # fmt: skip


def published(stack, suite="stable"):
    """What the indexes say, read by another reader than ours: `name version architecture`."""
    stanzas = read_stanzas(stack.bucket, adapters.signer().public_keyring(), suite)
    return {f"{stanza['Package']} {stanza['Version']} {stanza['Architecture']}" for _, stanza in stanzas}


@pytest.mark.parametrize("seed", range(2))
def test_any_publication_is_gone_back_to_byte_for_byte_and_undone(embedded, seed):
    chance = random.Random(seed)
    embedded.configure(suites=TWO)
    names = [f"{name}_{version}" for name in ("a", "b", "c") for version in ("1", "2")]
    seen = {}
    for _ in range(12):
        name, version = chance.choice(names).split("_")
        record = embedded.table.get(name, version, "amd64")
        act = chance.choice(["take in", "withdraw", "promote", "roll back", "renew"])
        try:
            if record is None:
                put(embedded, f"{name}_{version}", suites=chance.choice([("stable",), ("stable", "testing")]))
            elif act == "roll back":
                request_rollback("stable", chance.choice(list(seen)), "")
            else:
                what = What.WITHDRAWN if act == "withdraw" else What.PROMOTED
                request_move(Move(what, (record.key,), to="" if act == "withdraw" else "stable"), "x")
        except PackageRefused:
            publish("stable", Silent())
        embedded.run_jobs()
        seen[last().release_sha256] = (indexes(embedded), published(embedded))
    for digest, (_, held) in seen.items():
        assert set(map(named_key, shown_as(digest).contents())) == held
    goal = chance.choice([digest for digest, (held, _) in seen.items() if held != indexes(embedded)])
    before, others = indexes(embedded), indexes(embedded, "testing")
    undo = roll_back(embedded, goal).result["undo"]
    assert indexes(embedded) == seen[goal][0]
    force_rebuild(["stable"], Silent())
    assert indexes(embedded) == seen[goal][0]
    roll_back(embedded, undo)
    assert indexes(embedded) == before
    force_rebuild(["stable"], Silent())
    assert indexes(embedded) == before
    assert indexes(embedded, "testing") == others
    assert mirror_differences(embedded.table.all_records()) == []


def test_it_is_dated_anew_and_stands_in_the_history_of_each_version(embedded):
    embedded.configure(suites=TWO)
    first = put(embedded, "tool_1.0", suites=("stable", "testing"))
    put(embedded, "tool_2.0")
    withdraw("tool_1.0")
    embedded.run_jobs()
    job = roll_back(embedded, first)
    assert (job.result["moved"], job.result["added"], job.result["removed"]) == (2, 1, 1)
    publication = last()
    assert (publication.kind, publication.pk) == ("roll_back", job.result["publication"])
    assert publication.date > Publication.objects.get(pk=first).date
    [*_, change] = embedded.table.suite_changes_of("tool", "1.0")
    assert (change.what, change.before, change.after) == (What.ROLLED_BACK, ("testing",), ("stable", "testing"))
    [change] = embedded.table.suite_changes_of("tool", "2.0")
    assert (change.before, change.after, change.reason) == (("stable",), (), "it breaks")
    assert change.who == f"root on {platform.node()} (command)"
    assert not Package.objects.get(package_id="tool#2.0").memberships.exists()


def test_what_left_does_not_come_back_by_an_upload(embedded, tmp_path):
    embedded.define_uploads("tool")
    first = put(embedded, "other_1")
    deb = build_deb(tmp_path, "tool", "1.0")
    stage_upload(deb, deb.name)
    embedded.run_jobs()
    roll_back(embedded, first)
    stage_upload(deb, deb.name)
    [job] = embedded.run_jobs()
    assert (job.state, job.error_code) == ("failed", "version_withdrawn")
    assert published(embedded) == {"other 1 amd64"}


def test_what_makes_no_sense_is_refused_and_changes_nothing(embedded):
    embedded.configure(suites=TWO)
    first = put(embedded, "tool_1.0", "other_1", suites=("stable", "testing"))
    with pytest.raises(NothingToRollBack):
        request_rollback("stable", str(first))
    for publication in ("99999", "no digest", "", "abcdef12"):
        with pytest.raises(PublicationUnknown):
            request_rollback("stable", publication)
    with pytest.raises(PackageRefused):
        request_rollback("stable", str(last("testing").pk))
    with pytest.raises(PackageRefused):
        request_rollback("nowhere", str(first))
    put(embedded, "tool_2.0")
    with pytest.raises(RightMissing):
        request_rollback("stable", str(first), user=get_user_model().objects.create_user("ann"))
    assert not Job.objects.exists()
    assert published(embedded) == {"tool 1.0 amd64", "tool 2.0 amd64", "other 1 amd64"}


def test_packages_without_a_place_are_refused_by_name(embedded):
    embedded.configure(suites=[{"name": "stable", "architectures": ["amd64", "arm64"]}])
    first = put(embedded, "tool_1.0", architecture="arm64")
    put(embedded, "tool_2.0")
    embedded.configure(suites=[{"name": "stable", "architectures": ["amd64"]}])
    with pytest.raises(NoPlaceAnyMore, match=r"tool 1\.0 arm64"):
        request_rollback("stable", str(first))


def test_what_is_lost_is_named_and_the_rest_comes_back(embedded, settings):
    first = put(embedded, "tool_1.0", "other_1", "third_1")
    withdraw("tool_1.0", "other_1", "third_1")
    embedded.run_jobs()
    lose_record(embedded, settings, "other#1")
    embedded.bucket.delete(embedded.table.get("third", "1", "amd64").pool_path)
    plan = plan_rollback("stable", str(first))
    assert [one.partition(":")[0] for one in plan.lost] == ["other 1 amd64", "third 1 amd64"]
    assert roll_back(embedded, first).result["lost"] == 2
    assert published(embedded) == {"tool 1.0 amd64"}
    with pytest.raises(NothingToRollBack):
        request_rollback("stable", str(first))


def lose_record(stack, settings, package_id):
    """Leave a table that lacks a record, as after a restore of an old backup."""
    records = [record for record in stack.records() if record.package_id != package_id]
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(stack.home / "another.sqlite3")
    stack.table.create()
    stack.table.put_many_new(records)


@pytest.mark.parametrize("consented", [True, False])
def test_packages_whose_records_vanished_stop_no_roll_back_that_named_them(embedded, settings, consented):
    first = put(embedded, "tool_1.0")
    put(embedded, "tool_2.0", "other_1")
    request_rollback("stable", str(first))
    lose_record(embedded, settings, "other#1")
    if consented:
        Job.objects.all().delete()
        assert plan_rollback("stable", str(first)).gone == (("other#1", "amd64"),)
        request_rollback("stable", str(first))
    [job, *_] = embedded.run_jobs(once=True)
    assert job.error_code == ("" if consented else "candidate_held")
    assert published(embedded) == ({"tool 1.0 amd64"} if consented else
                                   {"tool 1.0 amd64", "tool 2.0 amd64", "other 1 amd64"})  # fmt: skip


def test_a_worker_that_died_is_followed_by_one_that_goes_on(embedded):
    first = put(embedded, "tool_1.0")
    put(embedded, *(f"tool{number}_1" for number in range(6)))
    job = request_rollback("stable", str(first))

    class Dies(Silent):
        def advance(self, done, total):
            raise KeyboardInterrupt

    for record in embedded.records()[:3]:  # as it is left by one that was killed: no row, no publication
        if record.version == "1":
            embedded.table.set_suites(record, [])
    with pytest.raises(KeyboardInterrupt):
        do_rollback(job, Dies())
    assert do_rollback(job, Silent())["moved"] == 0
    assert published(embedded) == {"tool 1.0 amd64"}
    assert mirror_differences(embedded.table.all_records()) == []


def test_a_suite_that_changes_meanwhile_is_gone_back_from_as_it_is_then(embedded):
    first = put(embedded, "tool_1.0")
    put(embedded, "tool_2.0")
    job = request_rollback("stable", str(first))
    assert request_rollback("stable", str(first)) == job
    put(embedded, "tool_3.0")
    embedded.run_jobs()
    assert published(embedded) == {"tool 1.0 amd64"}


def test_publications_and_suites_are_named_and_compared(embedded):
    embedded.configure(suites=TWO)
    first = Publication.objects.get(pk=put(embedded, "tool_1.0", "a_1", suites=("stable", "testing")))
    put(embedded, "tool_2.0", "b_1")
    found = difference_of(shown_as(str(first.pk)), shown_as("stable"))
    assert [*map(named_key, found.only_after)] == ["b 1 amd64", "tool 2.0 amd64"]
    assert (found.only_before, [*map(str, found.upgrades)]) == ((), ["tool amd64: 1.0 → 2.0"])
    back = difference_of(shown_now("stable"), shown_as(first.release_sha256[:10]))
    assert ([*map(str, back.downgrades)], back.upgrades) == (["tool amd64: 2.0 → 1.0"], ())
    said = call("diff", "testing", "stable")
    assert "only in B: 2" in said
    assert '"only_after": [\n  "b 1 amd64"' in call("diff", first.pk, "stable", "--json")
    assert refused("diff", "stable", "nowhere").code == "publication_unknown"
    Publication.objects.all().delete()  # of a database that was lost nothing is asked
    assert shown_as(first.release_sha256[:10]).contents() == {("tool#1.0", "amd64"), ("a#1", "amd64")}


def test_a_pinned_publication_is_kept_for_ever_and_others_for_a_while(embedded, settings):
    settings.SWEEP_GENERATIONS = 1
    pinned, other = put(embedded, "tool_1.0"), put(embedded, "tool_2.0")
    pinned, other = Publication.objects.get(pk=pinned), Publication.objects.get(pk=other)
    put(embedded, "tool_3.0")
    ann = get_user_model().objects.create_user("ann")
    with pytest.raises(RightMissing):
        pin([pinned], ann, pinned=True)
    assert pin([pinned], None, pinned=True) == 1
    later = adapters.now() + timedelta(days=400)
    sweep(Silent(), now=later)
    assert len(shown_by(other).contents()) == 2
    remove_old_rows(later)
    assert [one.pk for one in Publication.objects.exclude(pk=last().pk)] == [pinned.pk]
    sweep(Silent(), now=later)
    with pytest.raises(ContentsGone):
        shown_by(other).contents()
    roll_back(embedded, pinned.pk)
    assert published(embedded) == {"tool 1.0 amd64"}


def test_of_what_is_kept_no_more_nothing_is_said(embedded):
    first = Publication.objects.get(pk=put(embedded, "tool_1.0"))
    put(embedded, "tool_2.0")
    for key, _ in [*embedded.staging.keys("contents/"), *embedded.staging.keys("releases/")]:
        embedded.staging.delete(key)
    with pytest.raises(ContentsGone):
        shown_by(first).contents()
    with pytest.raises(ContentsGone):
        request_rollback("stable", str(first.pk))


@pytest.mark.outside
def test_on_dynamodb_and_s3_it_is_gone_back_to_the_same_bytes_and_undone(distributed):
    distributed.configure(suites=TWO)
    first = put(distributed, "tool_1.0", "other_1", suites=("stable", "testing"))
    then = indexes(distributed)
    withdraw("tool_1.0")
    distributed.run_jobs()
    put(distributed, "tool_2.0")
    before, others = indexes(distributed), indexes(distributed, "testing")
    job = roll_back(distributed, first)
    assert (job.result["moved"], job.result["added"], job.result["removed"]) == (2, 1, 1)
    assert indexes(distributed) == then
    force_rebuild(["stable"], Silent())
    assert indexes(distributed) == then
    roll_back(distributed, job.result["undo"])
    assert (indexes(distributed), indexes(distributed, "testing")) == (before, others)
    whats = [change.what for change in distributed.table.suite_changes_of("tool", "1.0")]
    assert whats == [What.WITHDRAWN, What.ROLLED_BACK, What.ROLLED_BACK]
    assert mirror_differences(distributed.table.all_records()) == []
