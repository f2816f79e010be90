"""Who may upload a package, and by which rights: people, groups, tokens and trusted publishers, by the rule of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from packages_app.core.definition import Definition
from packages_app.core.rights import Action, Grant, Rights
from packages_app.models import AccessGrant, AccessToken, TrustedPublisher
from packages_app.services import adapters
from packages_app.services.intake.admit import actions_to_upload
from packages_app.services.rights.granted import PERMISSIONS, groups_here, held_by_groups
from packages_app.services.rights.rule import own_rights_of


@dataclass(frozen=True, order=True)
class Uploader:
    """One who may upload a package: a person, a group or a token, by its name, and the rights that let it.

    `owner` is a token's, "" for one of no person; `members` counts a group's people who may sign in.
    """

    name: str
    through: tuple[str, ...]
    owner: str = ""
    members: int = 0


@dataclass(frozen=True)
class WhoMay:
    """Who may upload a package to where its definition says, each by name; nobody may where `actions` are none.

    A group stands for its members: of these are named alone who hold such a right themselves, or by several groups.
    """

    actions: tuple[Action, ...] = ()
    people: tuple[Uploader, ...] = ()
    groups: tuple[Uploader, ...] = ()
    tokens: tuple[Uploader, ...] = ()
    publishers: tuple[Uploader, ...] = ()


@dataclass(frozen=True)
class _Upload:
    """An upload of a package: the actions that it is, and the suites of each of its builds."""

    package: str
    actions: tuple[Action, ...]
    places: frozenset[tuple[str, ...]] = field(default_factory=frozenset)

    @classmethod
    def of(cls, package: str, definition: Definition) -> _Upload:
        builds = ("", *(build.label for build in definition.builds))
        return cls(package, actions_to_upload(definition), frozenset(map(definition.suites_for, builds)))

    def allowed_by(self, rights: Rights) -> bool:
        return any(
            all(rights.may(action, self.package, suite) for action in self.actions for suite in place)
            for place in self.places
        )

    def through(self, grants: Iterable[Grant]) -> tuple[str, ...]:
        """Return those of some grants that have a part in it."""
        suites = {suite for place in self.places for suite in place}
        return tuple(sorted({
            str(grant) for grant in grants for action in self.actions for suite in suites
            if grant.allows(action, self.package, suite)
        }))  # fmt: skip


def who_may_upload(package: str) -> WhoMay:
    """Return who may upload a package now, in as many queries for many people as for few."""
    definitions = adapters.definitions()
    definition = definitions.by_package.get(package) or definitions.by_name.get(package)
    if definition is None or not definition.enabled:
        return WhoMay()
    upload = _Upload.of(package, definition)
    names = dict(groups_here().values_list("pk", "name"))
    held = held_by_groups(names.keys())
    whole = [key for key, grants in held.items() if upload.allowed_by(Rights.of([*grants]))]
    some = [key for key, grants in held.items() if key not in whole and upload.through(grants)]
    members = Counter(
        User.groups.through.objects.filter(group__in=whole, user__is_active=True).values_list("group_id", flat=True)
    )
    groups = sorted(Uploader(names[key], upload.through(held[key]), members=members[key]) for key in whole)
    return WhoMay(
        upload.actions, tuple(_people(upload, some)), tuple(groups), tuple(_tokens(upload)), tuple(_publishers(upload))
    )


def _people(upload: _Upload, groups: Iterable[int]) -> list[Uploader]:
    """Return the people who may it by rights of their own, or by several groups that give a part of it each."""
    codenames = [PERMISSIONS[action].partition(".")[2] for action in upload.actions]
    granted = AccessGrant.objects.filter(action__in=upload.actions, user__isnull=False).values("user")
    own = Q(user_permissions__codename__in=codenames) | Q(pk__in=granted) | Q(groups__in=groups) | Q(is_superuser=True)
    candidates = list(User.objects.filter(own, is_active=True).distinct())
    rights = own_rights_of(candidates)
    return sorted(
        Uploader(user.get_username(), upload.through(rights[user.pk].sets[0]))
        for user in candidates
        if upload.allowed_by(rights[user.pk])
    )


def _publishers(upload: _Upload) -> list[Uploader]:
    """Return the trusted publishers whose workflows may it."""
    found = []
    for publisher in TrustedPublisher.objects.prefetch_related("grants"):
        grants = [row.grant for row in publisher.grants.all()]
        if upload.allowed_by(Rights.of(grants)):
            found.append(Uploader(publisher.name, upload.through(grants)))
    return sorted(found)


def _tokens(upload: _Upload) -> list[Uploader]:
    """Return the tokens that count and may it, each within the rights of its owner."""
    counting = AccessToken.objects.filter(
        Q(owner=None) | Q(owner__is_active=True), publisher=None, revoked=None, expires__gt=timezone.now(),
        grants__action__in=(*upload.actions, Action.ADMINISTER),
    ).distinct().select_related("owner").prefetch_related("grants")  # fmt: skip
    tokens = list(counting)
    owners = {token.owner.pk: token.owner for token in tokens if token.owner is not None}
    rights = own_rights_of(owners.values())
    found = []
    for token in tokens:
        grants = [row.grant for row in token.grants.all()]
        allowed = Rights.of(grants)
        if token.owner is not None:
            allowed = rights[token.owner.pk].within(allowed)
        if upload.allowed_by(allowed):
            owner = token.owner.get_username() if token.owner is not None else ""
            found.append(Uploader(str(token), upload.through(grants), owner))
    return sorted(found)
