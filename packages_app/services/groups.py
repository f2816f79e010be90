"""The three rights as groups: viewing, uploading, publishing."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission

_VIEW = tuple(
    f"view_{model}" for model in ("package", "suitemembership", "publication", "job", "definitionstatus", "conflict")
)
_GROUPS = {
    "Viewers": _VIEW,
    "Uploaders": (*_VIEW, "upload_package"),
    "Publishers": (*_VIEW, "upload_package", "publish_suite"),
}


def ensure_groups() -> None:
    """Make the groups that are missing; those that are there stay as an administrator left them."""
    for name, codenames in _GROUPS.items():
        group, made = Group.objects.get_or_create(name=name)
        if made:
            permissions = Permission.objects.filter(content_type__app_label="packages_app", codename__in=codenames)
            group.permissions.set(permissions)
