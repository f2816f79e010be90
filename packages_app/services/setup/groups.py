"""The rights as groups: viewing, uploading, publishing, which has those of hot-fixes and bootstrap packages."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission

from packages_app.services.rights.granted import SHOWN

_VIEW = tuple(f"view_{model}" for model in SHOWN)
_GROUPS = {
    "Viewers": _VIEW,
    "Uploaders": (*_VIEW, "upload_package"),
    "Publishers": (*_VIEW, "upload_package", "publish_suite", "hotfix_package", "bootstrap_package"),
    "Auditors": (*_VIEW, "view_auditentry"),
}


def ensure_groups() -> None:
    """Make the groups that are missing; those that are there stay as an administrator left them.

    They get the right to look at what a newer release shows, known by that no group and no user has this right yet.
    """
    rights = Permission.objects.filter(content_type__app_label="packages_app")
    new = list(rights.filter(codename__in=_VIEW, group=None, user=None))
    for name, codenames in _GROUPS.items():
        group, made = Group.objects.get_or_create(name=name)
        group.permissions.add(*(rights.filter(codename__in=codenames) if made else new))
