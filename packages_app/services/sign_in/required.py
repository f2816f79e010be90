"""Who has to have a second factor, and who may sign in by a password, by the settings."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.db.models import Q

from packages_app.core.second_factor import ALL, EVERYBODY, PUBLISHERS

_PUBLISHING = (
    "publish_suite", "hotfix_package", "change_keys", "add_user", "change_user", "add_group", "change_group",
)  # fmt: skip
"""Rights that change what clients get, or that could give such a right."""


def requires_factor(user: User) -> bool:
    """Return whether a user may do nothing without a second factor: of publishers, in whichever archive they are."""
    if settings.SECOND_FACTOR != PUBLISHERS:
        return bool(settings.SECOND_FACTOR == ALL)
    if user.is_superuser:
        return True
    his = Q(user=user) | Q(group__user=user)
    return Permission.objects.filter(his, codename__in=_PUBLISHING).exists()


def may_use_password(user: User) -> bool:
    """Return whether a user may sign in by a password of ours: superusers always, whatever an issuer does."""
    return bool(settings.SIGN_IN_PASSWORDS == EVERYBODY or user.is_superuser)
