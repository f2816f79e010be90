"""Publications of very many packages: counts and the first names in the row, all names in an object of staging."""

import json
from importlib import import_module

import pytest
from django.apps import apps
from structlog.testing import capture_logs

from packages_app.core.ports import Silent
from packages_app.models import Publication
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services.publication.publication_lists import whole_lists
from packages_app.services.publication.publish import publish, result_of
from packages_app.services.repair.force_rebuild import force_rebuild
from tests.records import make_record

COUNT = 130


@pytest.fixture
def many(embedded):
    """Packages whose files are in the pool, and a few more that lack what a stanza needs."""
    records = [make_record("tool", f"1.{number}") for number in range(COUNT)]
    for record in records:
        embedded.bucket.put(record.pool_path, b"x" * record.file_size)
    embedded.table.put_many_new([*records, make_record("lame", sha1_hash="")])
    return sorted(f"tool {record.version} amd64" for record in records)


def test_a_row_has_counts_and_the_first_names_and_staging_has_all(embedded, many):
    publication = publish("stable", Silent())
    assert (len(publication.added), publication.added_count) == (100, COUNT)
    assert (publication.removed_count, publication.left_out_count, publication.missing_files_count) == (0, 1, 0)
    kept = json.loads(embedded.staging.read(publication.lists_key))
    assert sorted(kept["added"]) == many
    assert kept == whole_lists(Publication.objects.get())
    assert kept["added"][:100] == publication.added
    assert result_of(publication)["added"] == COUNT


def test_a_log_line_has_counts_and_the_first_names(many):
    with capture_logs() as lines:
        publish("stable", Silent())
    [line] = [line for line in lines if line["event"] == "suite_published"]
    assert line["counts"] == {"included": COUNT, "added": COUNT, "removed": 0, "left_out": 1, "missing_files": 0}
    assert (len(line["added"]), len(line["included"])) == (100, 100)


def test_what_a_force_rebuild_included_is_in_the_object(many):
    force_rebuild([], Silent())
    assert sorted(whole_lists(Publication.objects.first())["included"]) == many


def test_a_small_publication_needs_no_object(embedded):
    embedded.bucket.put(make_record("tool").pool_path, b"x" * make_record("tool").file_size)
    embedded.table.put_new(make_record("tool"))
    publication = publish("stable", Silent())
    assert (publication.lists_key, publication.added) == ("", ["tool 1.0 amd64"])
    assert list(embedded.staging.keys("publications/")) == []


def test_what_is_found_later_about_the_same_release_keeps_what_it_added(embedded, many):
    first = publish("stable", Silent())
    embedded.table.put_new(make_record("lamer", sha1_hash=""))
    again = publish("stable", Silent(), options=PublicationOptions(whole=True))
    assert again.pk == first.pk
    assert (again.added_count, again.left_out_count) == (COUNT, 2)
    assert sorted(whole_lists(again)["added"]) == many
    assert len(whole_lists(again)["left_out"]) == 2


def test_without_its_object_a_publication_shows_what_the_row_has(embedded, many):
    publication = publish("stable", Silent())
    embedded.staging.put(publication.lists_key, b"{")
    assert whole_lists(publication)["added"] == publication.added
    embedded.staging.delete(publication.lists_key)
    assert whole_lists(publication)["added"] == publication.added


def test_publications_from_before_are_counted_and_keep_their_lists(embedded, many):
    publication = publish("stable", Silent())
    rows = Publication.objects.filter(pk=publication.pk)
    rows.update(added=many, added_count=0, left_out_count=0, lists_key="")
    import_module("packages_app.migrations.0006_publication_lists").count(apps, None)
    publication = rows.get()
    assert (publication.added_count, publication.left_out_count) == (COUNT, 1)
    assert whole_lists(publication)["added"] == many
