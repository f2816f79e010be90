"""Django's right for each action, and what is granted to a person beside his rights."""

from __future__ import annotations

from django.contrib.auth.models import PermissionsMixin
from django.db.models import Q

from packages_app.core.archive import present_slug
from packages_app.core.rights import Action, Grant
from packages_app.models import AccessGrant
from packages_app.services.archives import slugs

PUBLISH = "packages_app.publish_suite"
UPLOAD = "packages_app.upload_package"
KEYS = "packages_app.change_keys"
HOTFIX = "packages_app.hotfix_package"
BOOTSTRAP = "packages_app.bootstrap_package"
READ = "packages_app.view_package"
PERMISSIONS = {
    Action.READ: READ, Action.UPLOAD: UPLOAD, Action.HOTFIX: HOTFIX, Action.BOOTSTRAP: BOOTSTRAP,
    Action.PUBLISH: PUBLISH, Action.KEYS: KEYS,
}  # fmt: skip
"""Django's right for each action; to administer is a superuser's."""


def granted(user: PermissionsMixin) -> list[Grant]:
    """Return the grants of a person and of his groups, in the archive that was entered."""
    counting = Q(archives=None) | Q(archives__archive=present_slug(slugs()))
    groups = user.groups.filter(counting)
    rows = AccessGrant.objects.filter(Q(user_id=user.pk) | Q(group__in=groups)).select_related(None).distinct()
    return [row.grant for row in rows]
