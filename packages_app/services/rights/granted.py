"""Django's right for each action, and what people and groups hold: these rights, and what is granted beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet

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
SHOWN = (
    "package", "suitemembership", "publication", "job", "definitionstatus", "conflict", "notice", "heldcandidate",
    "clearedcaution",
)  # fmt: skip
"""What who may read looks at: each has a page, and Django's right to view it."""
VIEWS = frozenset(f"packages_app.view_{model}" for model in SHOWN)
_ACTIONS = {right.partition(".")[2]: action for action, right in PERMISSIONS.items()}

Held = Mapping[int, frozenset[Grant]]
"""What each of some people or groups holds, by their keys; those that hold nothing are not among them."""


def groups_here() -> QuerySet[Group]:
    """Return the groups whose rights count in the archive that was entered."""
    return Group.objects.filter(Q(archives=None) | Q(archives__archive=present_slug(slugs())))


def granted(user: User) -> list[Grant]:
    """Return the grants of a person and of his groups, in the archive that was entered."""
    groups = groups_here().filter(user=user)
    rows = AccessGrant.objects.filter(Q(user_id=user.pk) | Q(group__in=groups)).select_related(None).distinct()
    return [row.grant for row in rows]


def held_by_groups(groups: Collection[int] | QuerySet[Group]) -> Held:
    """Return what groups hold: for all packages and suites by Django's rights, and by grants."""
    rights = Group.permissions.through.objects.filter(group__in=groups, permission__in=_rights())
    named = rights.values_list("group_id", "permission__codename")
    return _held(named, AccessGrant.objects.filter(group__in=groups), "group_id")


def held_by_people(people: Collection[int] | QuerySet[User]) -> Held:
    """Return what people hold themselves, without their groups."""
    rights = User.user_permissions.through.objects.filter(user__in=people, permission__in=_rights())
    named = rights.values_list("user_id", "permission__codename")
    return _held(named, AccessGrant.objects.filter(user__in=people), "user_id")


def _rights() -> QuerySet[Permission]:
    return Permission.objects.filter(content_type__app_label="packages_app", codename__in=_ACTIONS)


def _held(named: Iterable[tuple[int, str]], grants: QuerySet[AccessGrant], holder: str) -> Held:
    found: dict[int, set[Grant]] = defaultdict(set)
    for key, codename in named:
        found[key].add(Grant(_ACTIONS[codename]))
    for grant in grants:
        found[getattr(grant, holder)].add(grant.grant)
    return {key: frozenset(held) for key, held in found.items()}
