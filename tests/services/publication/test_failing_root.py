"""What a publication brought is known although what follows the switch fails."""

import pytest

from packages_app.core.errors import StoreUnavailable
from packages_app.core.ports import Silent
from packages_app.models import Notice, Publication
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from tests.faults.ports import Calls, faulty
from tests.records import make_record


def published_with(stack, name, at=-1):
    """Publish one more package, with a fault at a call; gives the calls."""
    ports = adapters.Ports(adapters.package_table(), adapters.bucket(), adapters.staging())
    record = make_record(name)
    stack.table.put_new(record)
    stack.bucket.put(record.pool_path, record.package_id.encode() + b"#amd64")
    calls = Calls(at=at)
    with adapters.given(faulty(ports, calls)):
        publish("stable", Silent())
    return calls.names


def test_row_and_notices_are_written_before_the_root_is_renewed(embedded):
    published_with(embedded, "first")
    calls = published_with(embedded, "second")
    root = next(at for at, call in enumerate(calls) if call.endswith("index.html"))
    with pytest.raises(StoreUnavailable):
        published_with(embedded, "third", at=root)
    row = Publication.objects.first()
    assert row.added == ["third 1.0 amd64"]
    assert Notice.objects.filter(kind="new_version", text__contains="third").exists()
    again = publish("stable", Silent())
    assert (again.pk, again.added) == (row.pk, ["third 1.0 amd64"])
