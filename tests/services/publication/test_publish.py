"""Publications: what they hold, what they refuse, and that they can be repeated."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import CandidateHeld, CandidateRefused, LeaseBusy, PackageRefused
from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate, Job, Package, Publication
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.adapters import Ports, given
from packages_app.services.intake.build_bootstrap import build_and_take_in
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.mirror.packages import reconcile_mirror
from packages_app.services.publication.held_candidates import approve
from packages_app.services.publication.publication_lists import whole_lists
from packages_app.services.publication.publish import publish
from packages_app.services.publication.refresh_signatures import refresh_signatures, suites_to_refresh
from packages_app.services.publication.requests import request_publication
from packages_app.services.repair.force_rebuild import force_rebuild
from tests.bootstraps import bootstrap_files
from tests.debs import build_deb
from tests.faults.ports import Calls, faulty
from tests.reader import read_everything, read_release
from tests.records import make_record
from tests.values import notes_naming, numbers_in


class Noting(Silent):
    """Keeps the notes and steps it is told."""

    def __init__(self):
        self.notes, self.steps = [], []

    def note(self, text, *, level="info"):
        self.notes.append((level, text))

    def step(self, name, detail=""):
        self.steps.append(name)


def keyring():
    return adapters.signer().public_keyring()


def take_in(stack, tmp_path, *versions, name="tool", architecture="amd64", **fields):
    stack.define_uploads(name, architecture=architecture, **fields)
    for version in versions:
        deb = build_deb(tmp_path, name, version, architecture)
        stage_upload(deb, deb.name)
    done = stack.run_jobs()
    assert {job.state for job in done} == {"done"}, [job.error for job in done]


def test_an_empty_repository_is_published_whole(embedded):
    publication = publish("stable", Silent())
    assert publication.packages == 0
    assert read_everything(embedded.bucket, keyring()) == set()
    assert b"None yet" in embedded.bucket.read("index.html")


def test_many_uploads_fold_into_one_publication(embedded, tmp_path):
    embedded.define_uploads("tool")
    for number in range(5):
        deb = build_deb(tmp_path, "tool", f"1.{number}")
        stage_upload(deb, deb.name)
    done = embedded.run_jobs()
    assert [job.kind for job in done].count("publish") == 1
    assert Publication.objects.get().packages == 5


def test_publishing_again_changes_nothing_and_says_so(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    before = embedded.dists()
    progress = Noting()
    publish("stable", progress)
    assert embedded.dists() == before
    assert len(notes_naming(progress.notes, "info", "nothing changed")) == 1
    assert Publication.objects.count() == 1


def test_inrelease_is_the_last_object_of_dists_to_be_written(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    modified = {key: embedded.bucket.head(key).modified for key, _ in embedded.bucket.keys("dists/")}
    assert max(modified, key=modified.get) == "dists/stable/InRelease"


def test_old_by_hash_objects_stay_for_clients_that_hold_the_old_release(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    old = {key for key in embedded.dists() if "/by-hash/" in key}
    take_in(embedded, tmp_path, "1.1")
    assert old < {key for key in embedded.dists() if "/by-hash/" in key}


def test_the_convenience_copy_is_the_newest_version_in_apts_order(embedded, tmp_path):
    for version in ("1.9.0", "1.10.0", "1.10.0~rc1"):
        deb = build_deb(tmp_path, "kiro-repo", version, "all", files=bootstrap_files("kiro-repo"))
        stage_upload(deb, deb.name)
    embedded.run_jobs()
    info = embedded.bucket.head("kiro-repo.deb")
    assert info.metadata["version"] == "1.10.0"
    assert info.metadata["package"] == "kiro-repo"
    assert info.content_type == "application/vnd.debian.binary-package"
    pool = embedded.bucket.read("pool/main/k/kiro-repo/kiro-repo_1.10.0_all.deb")
    assert embedded.bucket.read("kiro-repo.deb") == pool
    deb = build_deb(tmp_path, "kiro-repo", "1:0.1", "all", files=bootstrap_files("kiro-repo"))
    stage_upload(deb, deb.name)
    progress = Noting()
    embedded.run_jobs()
    approve(
        HeldCandidate.objects.get(state="waiting"), get_user_model().objects.create_superuser("ann")
    )  # of the epoch
    embedded.run_jobs()
    assert embedded.bucket.head("kiro-repo.deb").metadata["version"] == "1:0.1"
    publish("stable", progress)
    assert not [note for note in progress.notes if "kiro-repo.deb is now" in note[1]]


def test_the_root_tells_how_to_use_the_repository(embedded, tmp_path):
    build_and_take_in("kiro-repo", "1.0.0", Noting())
    take_in(embedded, tmp_path, "1.0")
    page = embedded.bucket.read("index.html").decode()
    assert "curl -fsSLO https://apt.example.org/kiro-repo.deb" in page
    assert "sudo apt install ./kiro-repo.deb" in page
    assert "sudo apt install tool" in page
    assert "Signed-By: /usr/share/keyrings/kiro-archive-keyring.gpg" in page
    assert embedded.bucket.read("kiro-archive-keyring.gpg") == keyring()


def test_an_incomplete_record_is_left_out_and_named_on_the_publication(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    embedded.table.put_new(make_record("bare", sha1_hash="", maintainer=""))
    progress = Noting()
    publication = publish("stable", progress)
    assert publication.left_out == [
        {"package_id": "bare#1.0", "architecture": "amd64", "reasons": ["no maintainer", "no sha1_hash"]}
    ]
    assert len(notes_naming(progress.notes, "warning", "bare 1.0 amd64", "no maintainer", "no sha1_hash")) == 1
    assert read_everything(embedded.bucket, keyring()) == {("tool", "1.0", "amd64")}


def test_a_record_whose_file_is_not_in_the_pool_is_not_published(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    before = embedded.dists()
    embedded.table.put_new(make_record("ghost"))
    with pytest.raises(CandidateRefused, match="pool/main/g/ghost/ghost_1.0_amd64.deb"):
        publish("stable", Silent())
    assert embedded.dists() == before


def test_a_changed_identity_is_refused_until_it_is_asked_for_twice(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    embedded.configure(origin="Another")
    with pytest.raises(CandidateHeld, match=r"\bOrigin\b.*\bstable\b.*'Kiro'.*'Another'") as held:
        publish("stable", Silent())
    assert [finding.code for finding in held.value.findings] == ["identity"]
    with pytest.raises(CandidateRefused, match="Origin"):
        force_rebuild([], Silent())
    force_rebuild([], Silent(), new_identity=True)
    assert read_release(embedded.bucket, keyring())["Origin"] == "Another"


def test_packages_whose_records_are_gone_are_not_dropped_silently(embedded, tmp_path, settings):
    take_in(embedded, tmp_path, "1.0", "1.1")
    before = embedded.dists()
    lost = settings.PACKAGE_TABLE
    settings.PACKAGE_TABLE = type(lost)(tmp_path / "another.sqlite3")
    embedded.table.create()
    with pytest.raises(CandidateHeld, match=r"\b2 packages\b.*\bstable\b.*\btool 1\.0 amd64\b") as held:
        publish("stable", Silent())
    assert [finding.code for finding in held.value.findings] == ["vanished"]
    assert held.value.removed == ("tool 1.0 amd64", "tool 1.1 amd64")
    assert embedded.dists() == before


def test_a_record_taken_out_of_the_suite_leaves_its_indexes(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0", "1.1")
    embedded.table.set_suites(embedded.records()[0], [])
    publication = publish("stable", Silent())
    assert publication.removed == ["tool 1.0 amd64"]
    assert read_everything(embedded.bucket, keyring()) == {("tool", "1.1", "amd64")}


def test_force_rebuild_brings_back_identical_indexes_and_the_mirror(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0", "1.1")
    before = embedded.dists()
    for key in before:
        embedded.bucket.delete(key)
    Package.objects.all().delete()
    for record in embedded.records():  # a rebuild that read a .deb would notice
        embedded.bucket.put(record.pool_path, b"x" * record.file_size)
    result = force_rebuild([], Silent())
    assert result["suites"][0]["packages"] == 2
    dated = ("Release", "Release.gpg", "InRelease")
    after = embedded.dists()
    assert {key: body for key, body in after.items() if not key.endswith(dated)} == {
        key: body for key, body in before.items() if not key.endswith(dated) and key in after
    }
    assert {key for key in before if "/by-hash/" not in key} == {key for key in after if "/by-hash/" not in key}
    embedded.run_jobs()
    assert Package.objects.count() == 2
    assert Publication.objects.first().kind == "force_rebuild"


def test_force_rebuild_reads_no_deb_and_succeeds_when_pool_files_are_missing(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    path = embedded.records()[0].pool_path
    embedded.bucket.delete(path)
    progress = Noting()
    force_rebuild([], progress)
    assert Publication.objects.first().missing_files == [path]
    assert len(notes_naming(progress.notes, "error", path)) == 1


def test_of_very_many_missing_files_the_first_are_told_and_all_are_recorded(embedded):
    records = [make_record("tool", f"1.{number}") for number in range(130)]
    embedded.table.put_many_new(records)
    progress = Noting()
    force_rebuild([], progress)
    publication = Publication.objects.first()
    assert sorted(whole_lists(publication)["missing_files"]) == sorted(record.pool_path for record in records)
    assert (len(publication.missing_files), publication.missing_files_count) == (100, 130)
    told = [text for level, text in progress.notes if level == "error"]
    assert {text.rpartition(" ")[2] for text in told[:100]} == set(publication.missing_files)
    assert [numbers_in(text) for text in told[100:]] == [[30]], "how many more"


def test_force_rebuild_with_repair_says_what_it_could_not_fetch(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    path = embedded.records()[0].pool_path
    embedded.bucket.delete(path)
    result = force_rebuild([], Silent(), repair=True)
    assert result["repaired"] == []
    [why] = result["not_repaired"]
    assert why.startswith(f"{path}: ")
    assert "tool 1.0 amd64" in why


def test_a_repair_with_a_force_rebuild_is_of_the_files_of_its_suites_alone(embedded, served):
    embedded.table.put_many_new([make_record("ours"), make_record("theirs", suites=("testing",))])
    result = force_rebuild(["stable"], Silent(), repair=True)
    assert [text.partition(":")[0] for text in result["not_repaired"]] == [make_record("ours").pool_path]


def test_p3_a_force_rebuild_of_n_records_reads_exactly_n(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0", "1.1", "1.2")
    force_rebuild([], Silent())
    assert Publication.objects.first().records_read == 3


def test_a_new_release_is_never_dated_before_the_one_in_place(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    dates = [read_release(embedded.bucket, keyring())["Date"]]
    for _ in range(2):
        publish("stable", Silent(), options=PublicationOptions(resign=True))
        dates.append(read_release(embedded.bucket, keyring())["Date"])
    assert len(set(dates)) == 3
    assert [p.date for p in Publication.objects.order_by("date")] == [
        p.date for p in Publication.objects.order_by("id")
    ]


def test_signatures_are_renewed_only_past_half_of_their_life(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0")
    assert suites_to_refresh() == []
    embedded.configure(suites=[{"valid_days": 1}])
    publish("stable", Silent(), options=PublicationOptions(resign=True))
    publication = Publication.objects.first()
    assert publication.valid_until - publication.date == timedelta(days=1)
    assert refresh_signatures(Silent()) == {"suites": []}


def test_only_one_publisher_holds_a_suite(embedded):
    lease = embedded.table.take_lease("publish:stable", "another", 60)
    with pytest.raises(LeaseBusy):
        publish("stable", Silent())
    job = request_publication("stable")
    [job] = [queue.run(job.pk, lambda _job, progress: {"id": publish("stable", progress).pk})]
    assert job.state == Job.State.QUEUED
    embedded.table.release_lease(lease)
    [job] = embedded.run_jobs()
    assert job.state == Job.State.DONE


def test_an_unknown_suite_is_refused_by_name(embedded):
    with pytest.raises(PackageRefused, match=r"\bnowhere\b"):
        request_publication("nowhere")


def test_reconciling_mends_the_mirror_and_asks_for_a_publication(embedded, tmp_path):
    take_in(embedded, tmp_path, "1.0", "1.1")
    row = Package.objects.get(version="1.0")
    row.maintainer = "Mallory"
    row.save()
    Package.objects.get(version="1.1").delete()
    Package.objects.create(package_id="ghost#1", package_name="ghost", version="1", version_key="x", architecture="all")
    reconciled = reconcile_mirror(Silent())
    assert (reconciled.records, reconciled.added, reconciled.changed, reconciled.removed) == (2, 1, 1, 1)
    assert {p.maintainer for p in Package.objects.all()} == {embedded.records()[0].maintainer}
    assert [job.kind for job in embedded.run_jobs()] == ["publish"]
    assert reconcile_mirror(Silent()) == type(reconciled)(2, 0, 0, 0)


def test_a_force_rebuild_reads_each_suite_once_and_has_the_mirror_mended(embedded):
    embedded.configure(suites=[{}, {"name": "testing", "codename": "testing"}])
    record = make_record("tool", suites=("stable", "testing"))
    embedded.bucket.put(record.pool_path, b"package")
    embedded.table.put_new(record)
    calls = Calls()
    with given(faulty(Ports(embedded.table, embedded.bucket, embedded.staging), calls)):
        result = force_rebuild([], Silent())
    assert calls.names.count("table.documents_of stable") == calls.names.count("table.documents_of testing") == 1
    assert calls.names.count("table.all_records") == 0
    assert len(result["suites"]) == 2
    assert [job.kind for job in embedded.run_jobs()] == ["reconcile_mirror", "publish", "publish"]
    assert Package.objects.get().sha256_hash == record.sha256_hash
    assert reconcile_mirror(Silent()).added == 0


def test_of_many_new_files_the_missing_one_is_named_too(embedded):
    records = [make_record("tool", f"1.{number}") for number in range(120)]
    embedded.table.put_many_new(records)
    for record in records[1:]:
        embedded.bucket.put(record.pool_path, b"package")
    with pytest.raises(CandidateRefused, match=r"1 files .*tool/tool_1\.0_amd64\.deb"):
        publish("stable", Silent())
    embedded.bucket.put(records[0].pool_path, b"package")
    assert publish("stable", Silent()).packages == 120
