"""What the intake of one upload reads and writes: each thing once."""

import time

from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.job_services import do_work
from packages_app.services.jobs import queue
from tests.debs import build_deb
from tests.faults.ports import Calls, faulty


def staged(folder, version):
    deb = build_deb(folder, "tool", version)
    return stage_upload(deb, deb.name, wake_worker=False)


def take_in(job):
    assert queue.run(job.pk, do_work).state == Job.State.DONE


def test_a_new_package_costs_one_call_for_each_thing_that_has_to_be_known_or_done(embedded, tmp_path):
    embedded.define_uploads("tool")
    job = staged(tmp_path, "1.0")
    ports = adapters.Ports(adapters.package_table(), adapters.bucket(), adapters.staging())
    calls = Calls()
    with adapters.given(faulty(ports, calls)):
        take_in(job)
    file, key = job.arguments["staged"], "pool/main/t/tool/tool_1.0_amd64.deb"
    assert calls.names == [
        f"staging.head {file}",
        f"staging.as_local_file {file}",
        "table.look_up",
        f"bucket.put {key}",
        "table.put_many_new",
        f"staging.delete {file}",
    ]


def test_the_staged_file_itself_becomes_the_pool_file(embedded, tmp_path):
    embedded.define_uploads("tool")
    job = staged(tmp_path, "1.0")
    before = (embedded.home / "staging" / job.arguments["staged"]).stat().st_ino
    take_in(job)
    assert (embedded.home / "bucket/pool/main/t/tool/tool_1.0_amd64.deb").stat().st_ino == before


def test_a_configuration_that_has_not_changed_is_taken_apart_once(embedded, tmp_path):
    embedded.define_uploads("tool")
    take_in(staged(tmp_path, "1.0"))
    time.sleep(2.1)  # a younger file may be written again within the same tick of the clock, so it is read each time
    before = adapters.repository(), adapters.definitions()
    take_in(staged(tmp_path, "1.1"))
    after = adapters.repository(), adapters.definitions()
    assert [one is other for one, other in zip(before, after, strict=True)] == [True, True]


def test_a_configuration_that_has_changed_counts_at_once(embedded, tmp_path):
    embedded.define_uploads("tool", section="misc")
    take_in(staged(tmp_path, "1.0"))
    embedded.configure(suites=[{}, {"name": "testing", "codename": "testing"}])
    embedded.define_uploads("tool", suites=["testing"])
    take_in(staged(tmp_path, "1.1"))
    assert [record.suites for record in embedded.records()] == [("stable",), ("testing",)]
