"""A publication's page shows the first names of each list, its count, and a way to all of them."""

import pytest
from django.urls import reverse

from packages_app.core.ports import Silent
from packages_app.services.publication.publish import publish
from tests.records import make_record

COUNT = 130


@pytest.fixture
def publication(embedded):
    records = [make_record("tool", f"1.{number}") for number in range(COUNT)]
    for record in records:
        embedded.bucket.put(record.pool_path, b"x" * record.file_size)
    embedded.table.put_many_new([*records, make_record("lame", sha1_hash="")])
    return publish("stable", Silent())


def test_the_first_names_are_shown_with_a_link_to_all(publication, as_member):
    client = as_member("Viewers")
    page = client.get(reverse("admin:packages_app_publication_change", args=[publication.pk])).content.decode()
    all_names = reverse("admin:packages_app_publication_lists", args=[publication.pk])
    assert page.count("<li>tool 1.") == 100
    assert "and 30 more" in page
    assert f'href="{all_names}"' in page
    text = client.get(all_names).content.decode().splitlines()
    assert f"added: {COUNT}" in text
    assert len([line for line in text if line.startswith("  tool 1.")]) == COUNT
    assert any(line.startswith("  lame#1.0 amd64: ") for line in text)
    assert "+130" in client.get(reverse("admin:packages_app_publication_changelist")).content.decode()


def test_nobody_else_reads_the_lists(publication, client, as_member, django_user_model):
    page = reverse("admin:packages_app_publication_lists", args=[publication.pk])
    assert client.get(page).status_code == 302
    client.force_login(django_user_model.objects.create_user("nobody", is_staff=True))
    assert client.get(page).status_code == 403
    assert as_member("Viewers").get(reverse("admin:packages_app_publication_lists", args=[0])).status_code == 404
