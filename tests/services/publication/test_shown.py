"""A publication is named in one way everywhere: by its suite, the number of its row, or the beginning of its digest."""

import pytest

from packages_app.core.errors import NothingPublished, PackageRefused
from packages_app.core.history_errors import PublicationUnknown
from packages_app.models import Publication
from packages_app.services.lifecycle.rollback import plan_rollback
from packages_app.services.publication.shown import shown_as, shown_by
from packages_app.services.snapshots.jobs import request_snapshot
from packages_app.services.snapshots.parts import source_of
from tests.services.lifecycle.test_move import TWO, put


@pytest.fixture
def rows(embedded):
    """Publications of stable, oldest first, and the newest one of testing, by their digests' beginnings."""
    embedded.configure(suites=TWO)
    put(embedded, "tool_1.0")
    put(embedded, "tool_2.0")
    put(embedded, "other_1", suites=("testing",))
    stable = list(Publication.objects.filter(suite="stable").order_by("pk"))
    return [*stable, Publication.objects.filter(suite="testing").latest("pk")]


def test_all_names_of_one_mean_it_with_rows_and_when_these_are_lost(embedded, rows):
    for row in rows:
        for name in (str(row.pk), row.release_sha256, row.release_sha256[:6], f" {row.release_sha256[:9].upper()}\n"):
            for suite in ("", row.suite):
                assert shown_as(name, suite) == shown_by(row)
    for row in rows[-2:]:
        assert shown_as(row.suite).digest == shown_by(row).digest
    digests = [row.release_sha256 for row in rows]
    Publication.objects.all().delete()
    for folder in ("contents/stable/", "contents/testing/"):  # what a release of before has kept: generations alone
        assert [shown_as(digest[:6]).digest for digest in digests] == [digest[:16] for digest in digests]
        for key, _ in [*embedded.staging.keys(folder)]:
            embedded.staging.delete(key)


def test_what_means_none_or_several_or_another_suites_has_one_code_for_all_who_ask(embedded, rows):
    first, *_, testing = rows
    digest = first.release_sha256
    twin = Publication.objects.get(pk=first.pk)
    another = "1" if digest[9] == "0" else "0"
    twin.pk, twin.release_sha256 = None, f"{digest[:9]}{another * 55}"
    twin.save()
    of_testing = (testing.release_sha256, str(testing.pk), "testing")
    for name in ("", "99999", "ffffffffffff", digest[:5], digest[:8], "ghost", *of_testing):
        with pytest.raises(PublicationUnknown):
            shown_as(name, "stable")
        with pytest.raises(PublicationUnknown):
            plan_rollback("stable", name)
    for name in (digest[:8], "99999", testing.release_sha256):
        with pytest.raises(PublicationUnknown):
            request_snapshot("stable", "q4", publication=name)
        with pytest.raises(PublicationUnknown):
            source_of("stable", name)
    assert shown_as(digest[:10], "stable") == shown_by(first)
    embedded.bucket.delete("dists/testing/InRelease")
    with pytest.raises(NothingPublished):
        shown_as("testing")
    with pytest.raises(PackageRefused):
        plan_rollback("ghost", digest)
