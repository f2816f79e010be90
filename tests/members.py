"""People with the rights of a group."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from packages_app.services.setup.groups import ensure_groups


@pytest.fixture
def as_member(client, db):
    ensure_groups()

    def log_in(group):
        user = get_user_model().objects.create_user(group, password="x", is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client.force_login(user)
        return client

    return log_in
