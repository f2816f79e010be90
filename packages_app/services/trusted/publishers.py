"""Trusted publishers made and removed, by superusers alone: whom to trust is a right that is given."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from packages_app.core.errors import PackageRefused
from packages_app.core.rights import MOST_GRANTS, Action, grants_of
from packages_app.core.storable_text import storable
from packages_app.core.web_address import is_plain_address
from packages_app.models import AccessGrant, AccessToken, TrustedPublisher
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require
from packages_app.sources.posting import check_target

ISSUERS = {
    TrustedPublisher.Kind.GITHUB: "https://token.actions.githubusercontent.com",
    TrustedPublisher.Kind.GITLAB: "https://gitlab.com",
}
"""Whose tokens are meant where nobody says."""
ACTIONS = (Action.READ, Action.UPLOAD, Action.HOTFIX, Action.PUBLISH)
"""What a publisher may be given."""
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}(?:/[A-Za-z0-9_.-]{1,100}){1,20}\Z", re.ASCII)
_WORKFLOW = re.compile(r"[A-Za-z0-9_. -]{1,255}\Z", re.ASCII)  # of GitHub, in .github/workflows itself
_CONFIGURATION = re.compile(r"[A-Za-z0-9_./ -]{1,255}\Z", re.ASCII)  # of GitLab
_NUMBER = re.compile(r"[0-9]{0,32}\Z", re.ASCII)
_REF = re.compile(r"(?:refs/|\*)[^\s\\~^:?\[]{0,250}\Z")
_WHAT = "To change trusted publishers"

log = structlog.get_logger(__name__)


class BadPublisher(PackageRefused):
    """A publisher that can't be trusted so."""

    code = "bad_publisher"


@dataclass(frozen=True)
class Trust:
    """Whom to trust, as `TrustedPublisher` keeps it; "" for the usual issuer of a kind."""

    name: str
    kind: str
    issuer: str = ""
    repository: str = ""
    repository_id: str = ""
    owner_id: str = ""
    workflow: str = ""
    ref: str = "*"
    protected: bool = True
    environment: str = ""
    claims: Mapping[str, str] = field(default_factory=dict)


def add_publisher(
    trust: Trust,
    *,
    actions: Collection[str],
    packages: Sequence[str],
    suites: Sequence[str] = ("*",),
    user: Asker | None,
) -> TrustedPublisher:
    """Trust a publisher with actions on packages and suites that fit patterns; return it.

    Raise `RightMissing`, `BadPublisher`, `PatternRefused`, and `UpstreamError` for an issuer that is not asked: one of
    a private network that PRIVATE_UPSTREAMS does not name, or without https.
    """
    require(user, Action.ADMINISTER, _WHAT)
    values = _checked(trust)
    if not actions or set(actions) - {str(action) for action in ACTIONS}:
        raise BadPublisher("A publisher may do nothing, or what none may.", remedy=f"Say some of {', '.join(ACTIONS)}.")
    grants = grants_of(actions, packages, suites)
    if not 1 <= len(grants) <= MOST_GRANTS:
        raise BadPublisher("A publisher is of no package, or of too many.", remedy="Say fewer patterns, * for any.")
    try:
        with transaction.atomic():
            made = TrustedPublisher.objects.create(**values)
            AccessGrant.objects.bulk_create(AccessGrant.of(each, publisher=made) for each in grants)
    except IntegrityError as error:
        raise BadPublisher(f"There is a publisher {values['name']}.", remedy="Take another name.") from error
    log.info("publisher_trusted", publisher=made.name, issuer=made.issuer, user=user.get_username() if user else "")
    return made


def remove_publisher(publisher: TrustedPublisher, user: Asker | None) -> None:
    """Trust a publisher no more; the tokens that he was given are revoked at once. Raise `RightMissing`."""
    require(user, Action.ADMINISTER, _WHAT)
    with transaction.atomic():
        locked = TrustedPublisher.objects.select_for_update().filter(pk=publisher.pk).first()
        if locked is not None:  # nobody exchanges a token between both
            AccessToken.objects.filter(publisher=locked, revoked=None).update(revoked=timezone.now())
            locked.delete()
    log.info("publisher_removed", publisher=publisher.name, user=user.get_username() if user else "")


def _checked(trust: Trust) -> dict[str, object]:
    kinds = TrustedPublisher.Kind
    if trust.kind not in kinds.values:
        raise BadPublisher("The publisher is of no kind.", remedy=f"Say one of {', '.join(kinds.values)}.")
    kind = kinds(trust.kind)
    name = storable(" ".join(trust.name.split()), 64)
    issuer = trust.issuer.strip() or ISSUERS.get(kind, "")
    if not name:
        raise BadPublisher("The publisher has no name.", remedy="Say what it is, such as: releases of tool.")
    if len(issuer) > 255 or not is_plain_address(issuer):
        raise BadPublisher("The issuer is no web address.", remedy="Write it as it names itself, https://….")
    check_target(issuer, settings.PRIVATE_UPSTREAMS)
    if kind == kinds.OTHER:
        claims = {str(key): str(value) for key, value in trust.claims.items()}
        if not claims.get("sub") or len(claims) > 20 or any(len(value) > 1000 for value in claims.values()):
            raise BadPublisher("It is not said whose tokens are meant.", remedy="Say the claim sub, and others.")
        return {"name": name, "kind": kind, "issuer": issuer, "claims": claims}
    workflow = _WORKFLOW if kind == kinds.GITHUB else _CONFIGURATION
    for what, pattern, value, remedy in (
        ("repository", _REPOSITORY, trust.repository, "Write OWNER/NAME, or GROUP/PROJECT."),
        ("workflow's file", workflow, trust.workflow, "Write its name: release.yml, .gitlab-ci.yml."),
        ("pattern of refs", _REF, trust.ref, "Write it whole, such as refs/tags/v* or refs/heads/main; * is any."),
        ("repository's number", _NUMBER, trust.repository_id, "Write digits, or nothing."),
        ("owner's number", _NUMBER, trust.owner_id, "Write digits, or nothing."),
    ):
        if not pattern.match(value):
            raise BadPublisher(f"{value[:80]!r} is no {what}.", remedy=remedy)
    return {
        "name": name, "kind": kind, "issuer": issuer, "repository": trust.repository, "workflow": trust.workflow,
        "repository_id": trust.repository_id, "owner_id": trust.owner_id, "ref": trust.ref,
        "protected": trust.protected, "environment": storable(trust.environment.strip(), 255),
    }  # fmt: skip
