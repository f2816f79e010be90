"""A publication's page looks back: what it held, how it differs from another, and the way back to it."""

import pytest
from django.urls import reverse

from packages_app.core.ports import Silent
from packages_app.models import Job, Publication
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.publication.publish import publish
from tests.admin.test_consent import digests_in
from tests.records import make_record

COUNT = 130


@pytest.fixture
def publications(embedded):
    """Two publications: of one version, and of very many newer ones with a package besides."""
    made = []
    for records in ([make_record("tool", "1.0")], [make_record(f"more{n:03}") for n in range(COUNT)] + [
        make_record("tool", "2.0", "all"), make_record("tool", "2.0")
    ]):  # fmt: skip
        for record in records:
            embedded.bucket.put(record.pool_path, b"x" * record.file_size)
        embedded.table.put_many_new(records)
        mirror_records(records)
        made.append(publish("stable", Silent()))
    return made


def page(client, name, publication, **query):
    return client.get(reverse(f"admin:packages_app_publication_{name}", args=[publication.pk]), query)


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def test_it_says_what_it_held_and_compares_itself_with_others(publications, as_member):
    first, second = publications
    client = as_member("Viewers")
    shown = text(page(client, "change", second))
    assert f"{COUNT + 3} packages</a>: 1 all, {COUNT + 2} amd64" in shown
    assert "Roll back to this" not in shown
    assert len(text(page(client, "contents", second)).splitlines()) == COUNT + 3
    before = text(page(client, "compare", second))
    assert before.count("<li>more") == 100
    assert f"not in stable {first.release_sha256[:16]}" in before
    assert "and 32 more" in before
    assert "<li>tool amd64: 1.0 → 2.0</li>" in before
    whole = text(page(client, "compare", second, all="1")).splitlines()
    assert len([line for line in whole if line.startswith("  more")]) == COUNT
    back = text(page(client, "compare", first, **{"with": str(second.pk)}))
    assert "Older here: 1" in back
    assert "Both show the same packages." in text(page(client, "compare", second, **{"with": "stable"}))
    assert "There is none before it." in text(page(client, "compare", first))
    assert "No publication and no suite" in text(page(client, "compare", first, **{"with": "ghost"}))


def test_the_way_back_is_shown_first_and_asks_for_consent(publications, as_member, embedded):
    first, second = publications
    client = as_member("Publishers")
    assert "Roll back to this" in text(page(client, "change", first))
    shown = text(page(client, "rollback", first))
    assert f"Leave the suite: {COUNT + 2}" in shown
    assert "stable: tool amd64: 2.0 → 1.0" in shown
    assert "Pin: version 1.0" in shown
    assert not Job.objects.exists()
    address = reverse("admin:packages_app_publication_rollback", args=[first.pk])
    assert client.post(address).status_code == 200
    assert not Job.objects.exists()
    answer = client.post(address, {"consent": "1", "reason": "it breaks", "shown": digests_in(shown)})
    [job] = Job.objects.all()
    assert answer.url == reverse("admin:packages_app_job_change", args=[job.pk])
    embedded.run_jobs()
    assert Publication.objects.first().packages == 1
    [change] = embedded.table.suite_changes_of("tool", "2.0")[:1]
    assert change.reason == "it breaks"
    answer = page(client, "rollback", first)
    assert answer.status_code == 302
    assert "shows what" in text(client.get(answer.url))
    address = reverse("admin:packages_app_publication_rollback", args=[second.pk])
    answer = client.post(address, {"consent": "1", "shown": digests_in(text(client.get(address)))})
    embedded.run_jobs()
    assert Publication.objects.first().packages == COUNT + 3


def test_a_way_back_that_others_changed_meanwhile_is_shown_anew(publications, as_member, embedded):
    first, _ = publications
    client = as_member("Publishers")
    address = reverse("admin:packages_app_publication_rollback", args=[first.pk])
    digests = digests_in(text(client.get(address)))
    record = make_record("late", "1")
    embedded.bucket.put(record.pool_path, b"x" * record.file_size)
    embedded.table.put_new(record)
    shown = text(client.post(address, {"consent": "1", "reason": "why", "shown": digests}))
    assert "preview_outdated" in shown
    assert "late 1 amd64" in shown
    assert not Job.objects.exists()
    assert client.post(address, {"consent": "1", "shown": digests_in(shown)}).status_code == 302


def test_a_publication_is_pinned_on_its_page_and_in_the_list(publications, as_member):
    first, second = publications
    client = as_member("Publishers")
    address = reverse("admin:packages_app_publication_pin", args=[first.pk])
    client.post(address, {"pinned": "1"})
    assert list(Publication.objects.filter(pinned=True)) == [first]
    client.post(address, {"pinned": "0"})
    rows = {"action": "keep_for_ever", "_selected_action": [first.pk, second.pk]}
    client.post(reverse("admin:packages_app_publication_changelist"), rows)
    assert Publication.objects.filter(pinned=True).count() == 2


def test_a_page_whose_contents_are_gone_says_so_and_shows_the_rest(publications, as_member, embedded):
    for folder in ("contents/", "releases/"):
        for key, _ in [*embedded.staging.keys(folder)]:
            embedded.staging.delete(key)
    client = as_member("Publishers")
    shown = text(page(client, "change", publications[0]))
    assert "is not known any more" in shown
    assert publications[0].release_sha256 in shown
    assert page(client, "rollback", publications[0]).status_code == 302
