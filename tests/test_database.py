"""A database that a test has for itself, in a process whose others had another."""

from pathlib import Path

import pytest
from django.contrib.contenttypes.models import ContentType

from packages_app.models import Webhook
from tests.database import database_in


def known() -> bool:
    """Return whether the database has the content type that Django would write of a webhook."""
    return ContentType.objects.filter(pk=ContentType.objects.get_for_model(Webhook).pk).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("on_sqlite")
def test_content_types_are_those_of_the_database_of_the_block(tmp_path: Path, migrated: Path) -> None:
    ContentType.objects.filter(model="webhook").update(model="webhook of an emptied database")
    ContentType.objects.clear_cache()
    assert known()
    with database_in(tmp_path, migrated):
        assert known()
    assert known()
