"""A package of very many suites: the embedded table takes it, DynamoDB as many as one transaction has room for."""

import uuid

import pytest

from packages_app.core.locations import DynamoTable
from packages_app.package_table.rules import MOST_SUITES
from packages_app.services.intake.upload_batch import stage_batch
from packages_app.services.job_services import do_work
from packages_app.services.jobs import queue
from tests.debs import build_deb
from tests.values import numbers_in


@pytest.fixture(params=["sqlite", "dynamodb"])
def stack(request, embedded, settings):
    if request.param == "dynamodb":
        address = request.getfixturevalue("moto")
        settings.PACKAGE_TABLE = DynamoTable(f"suites{uuid.uuid4().hex}", "eu-central-1", address)
        embedded.table.create()
    return embedded


@pytest.mark.parametrize("count", [MOST_SUITES, 60, 120])
def test_of_very_many_suites_all_are_taken_or_the_file_is_refused_unstored(stack, settings, tmp_path, count):
    stack.configure(suites=[{"name": f"s{n}", "codename": f"c{n}", "architectures": ["amd64"]} for n in range(count)])
    stack.define_uploads("wide", suites=[f"s{number}" for number in range(count)])
    stack.define_uploads("tool", suites=["s0"])
    debs = [build_deb(tmp_path, name, "1.0") for name in ("wide", "tool")]
    job = stage_batch([(deb.name, deb.read_bytes()) for deb in debs])
    job = queue.run(job.pk, do_work)
    records = {record.package_name: len(record.suites) for record in stack.table.all_records()}
    in_pool = {key.split("/")[3] for key, _ in stack.bucket.keys("pool/")}
    if isinstance(settings.PACKAGE_TABLE, DynamoTable) and count > MOST_SUITES:
        assert (records, in_pool) == ({"tool": 1}, {"tool"})
        [note] = [note["text"] for step in job.steps for note in step["notes"] if note["level"] == "error"]
        assert {count, MOST_SUITES} <= set(numbers_in(note))
    else:
        assert (records, in_pool) == ({"wide": count, "tool": 1}, {"wide", "tool"})
        assert job.state == "done"
