"""Which publisher a token is, by what its issuer says of the workflow that shows it.

GitHub: docs.github.com, "OpenID Connect reference". GitLab: docs.gitlab.com, "OpenID Connect (OIDC) authentication
using ID tokens". Who takes over the name of an account or a repository has other numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from packages_app.models import TrustedPublisher
from packages_app.services.trusted.refusals import (
    NotTrusted,
    UnprotectedRef,
    WrongClaim,
    WrongEnvironment,
    WrongEvent,
    WrongOwner,
    WrongRef,
    WrongRepository,
    WrongWorkflow,
)
from packages_app.services.trusted.verify import Claims

Kind = TrustedPublisher.Kind
_NUMBER = re.compile(r"@[0-9]{1,20}\Z", re.ASCII)
_OF_STRANGERS = (
    "pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment", "issues",
    "issue_comment", "discussion", "discussion_comment", "fork", "watch", "gollum",
    "merge_request_event", "external_pull_request_event",
)  # fmt: skip
"""Events that somebody who may not write to a repository can start."""
NAMES = {
    Kind.GITHUB: {
        "repository": "repository", "id": "repository_id", "owner": "repository_owner_id", "ref": "ref",
        "config": "job_workflow_ref", "commit": "sha", "event": "event_name", "run": "run_id", "actor": "actor",
    },
    Kind.GITLAB: {
        "repository": "project_path", "id": "project_id", "owner": "namespace_id", "ref": "ref_path",
        "config": "ci_config_ref_uri", "commit": "sha", "event": "pipeline_source", "run": "pipeline_id",
        "actor": "user_login",
    },
}  # fmt: skip
"""What each calls what is asked about."""


def refusals(publisher: TrustedPublisher, claims: Claims) -> Iterator[tuple[bool, type[NotTrusted]]]:
    """Give each check of a publisher in turn: whether it holds, and what it is refused by if not."""
    if publisher.kind == Kind.OTHER:
        yield bool(publisher.claims) and all(text(claims, name) == str(value) for name, value in
                                             publisher.claims.items()), WrongClaim  # fmt: skip
        return
    names = NAMES[Kind(publisher.kind)]
    said = {name: text(claims, claim) for name, claim in names.items()}
    own = publisher.repository.casefold()
    yield said["repository"].casefold() == own and _subject(publisher, claims) == own, WrongRepository
    yield _same_number(publisher.repository_id, said["id"]), WrongOwner
    yield _same_number(publisher.owner_id, said["owner"]), WrongOwner
    yield _is_workflow(publisher, said), WrongWorkflow
    yield bool(said["ref"]) and fnmatchcase(said["ref"], publisher.ref), WrongRef
    yield bool(said["event"]) and said["event"] not in _OF_STRANGERS, WrongEvent
    yield not publisher.protected or text(claims, "ref_protected") == "true", UnprotectedRef
    yield _is_environment(publisher, text(claims, "environment")), WrongEnvironment


def told(publisher: TrustedPublisher, claims: Claims) -> dict[str, str]:
    """Return what is kept of a token with what its workflow uploads (`core.built_from`)."""
    about = {"issuer": publisher.issuer, "subject": text(claims, "sub"), "publisher": publisher.name}
    if publisher.kind == Kind.OTHER:
        return about
    names = NAMES[Kind(publisher.kind)]
    kept = {name: text(claims, names[name]) for name in ("repository", "ref", "commit", "run", "actor")}
    return {**kept, **about, "workflow": publisher.workflow, "environment": text(claims, "environment")}


def text(claims: Claims, name: str) -> str:
    """Return a claim as a text: numbers and yes or no as they are written; "" for none, and for anything else."""
    value = claims.get(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:1000] if isinstance(value, (str, int)) else ""


def _subject(publisher: TrustedPublisher, claims: Claims) -> str:
    """Return the repository in the subject, without the numbers that GitHub may write into it; "" for none."""
    mark, _, rest = text(claims, "sub").partition(":")
    if mark != ("repo" if publisher.kind == Kind.GITHUB else "project_path"):
        return ""
    return "/".join(_NUMBER.sub("", part) for part in rest.partition(":")[0].split("/")).casefold()


def _same_number(own: str, said: str) -> bool:
    return bool(said) and own in ("", said)


def _is_workflow(publisher: TrustedPublisher, said: dict[str, str]) -> bool:
    """Return whether the file that says what is done is the one that is trusted, as the ref or commit has it."""
    path, _, at = said["config"].rpartition("@")
    if publisher.kind == Kind.GITHUB:
        begin, own = f"{publisher.repository}/", f".github/workflows/{publisher.workflow}"
    else:
        begin, own = f"{urlsplit(publisher.issuer).netloc}/{publisher.repository}//", publisher.workflow
    same = path[: len(begin)].casefold() == begin.casefold() and path[len(begin) :] == own
    return same and bool(at) and at in (said["ref"], said["commit"])


def _is_environment(publisher: TrustedPublisher, said: str) -> bool:
    if not publisher.environment:
        return True
    if publisher.kind == Kind.GITHUB:  # where their names have no case
        return said.casefold() == publisher.environment.casefold()
    return said == publisher.environment
