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


def forget(publication):
    """Leave the database as it is where nothing of a publication was written there, since it was away."""
    Notice.objects.filter(kind="new_version", subject__contains=f"{publication.date:%H:%M:%S}").delete()
    publication.delete()


@pytest.mark.parametrize("first", [True, False], ids=["the first", "a later one"])
@pytest.mark.parametrize("another", [True, False], ids=["by the next", "by its own repetition"])
def test_what_an_unrecorded_publication_brought_is_recorded_and_told(embedded, first, another):
    if not first:
        published_with(embedded, "before")
    published_with(embedded, "lost")
    forget(Publication.objects.first())
    if another:
        published_with(embedded, "after")
    else:
        publish("stable", Silent())
    publish("stable", Silent())
    wanted = ["after 1.0 amd64"] * another + ["lost 1.0 amd64"] + ["before 1.0 amd64"] * (not first)
    assert [name for row in Publication.objects.all() for name in row.added] == wanted
    assert Notice.objects.filter(kind="new_version", text__contains="lost 1.0").count() == 1


def test_nothing_is_said_to_be_new_where_the_database_knows_no_publication_any_more(embedded):
    for name in ("first", "second"):
        published_with(embedded, name)
    Publication.objects.all().delete()
    Notice.objects.all().delete()
    publish("stable", Silent())
    assert [(row.added, row.packages) for row in Publication.objects.all()] == [([], 2)]
    assert not Notice.objects.exists()
