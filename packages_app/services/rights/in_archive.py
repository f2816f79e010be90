"""Rights by group and archive: what a user may do is asked of the archive that he is in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Permission, User
from django.db.models import QuerySet

from packages_app.core.archive import present_slug, within
from packages_app.services.archives import slugs
from packages_app.services.rights.granted import PERMISSIONS, READ, VIEWS, granted, groups_here


class RightsInArchive(ModelBackend):
    """Django's own rights, of groups those that count in the archive that was entered.

    A right that a user has himself, and a superuser's, count in all.
    """

    def _get_group_permissions(self, user_obj: User) -> QuerySet[Permission]:
        return Permission.objects.filter(group__in=groups_here().filter(user=user_obj))

    def _get_permissions(self, user_obj: Any, obj: Any, from_name: str) -> Any:
        _forget_of_another(user_obj)
        return super()._get_permissions(user_obj, obj, from_name)  # type: ignore[misc]

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return the names of all rights of a user here, those too that he has for some packages or suites alone.

        A page opens by these; what is done from there is asked of `rights.rule`. Who may read looks at all that there
        is to look at, here as by a token.
        """
        _forget_of_another(user_obj)
        there: set[str] = super().get_all_permissions(user_obj, obj)
        if obj is not None or not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser:
            return there
        if not hasattr(user_obj, "_granted_cache"):
            user_obj._granted_cache = {
                PERMISSIONS[grant.action] for grant in granted(user_obj) if grant.action in PERMISSIONS
            }
        some: set[str] = user_obj._granted_cache
        return there | some | (VIEWS if READ in there | some else set())


def archives_of(user: AbstractBaseUser | AnonymousUser) -> list[str]:
    """Return the slugs of the archives in which somebody has any right."""
    found = []
    for slug in slugs():
        with within(slug):
            if user.is_authenticated and isinstance(user, User) and (user.is_superuser or user.get_all_permissions()):
                found.append(slug)
    return found


def _forget_of_another(user: Any) -> None:
    """Forget what Django has kept with a user of his rights in another archive."""
    slug = present_slug(slugs())
    if getattr(user, "_rights_in", slug) != slug:
        for kept in ("_perm_cache", "_user_perm_cache", "_group_perm_cache", "_granted_cache"):
            user.__dict__.pop(kept, None)
    user._rights_in = slug
