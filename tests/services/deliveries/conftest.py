"""People who upload."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from packages_app.services.setup.groups import ensure_groups


@pytest.fixture
def people(db):
    ensure_groups()
    users = get_user_model().objects
    made = {"root": users.create(username="root", is_superuser=True)}
    for group in ("Uploaders", "Publishers"):
        made[group] = users.create(username=group)
        made[group].groups.add(Group.objects.get(name=group))
    return made
