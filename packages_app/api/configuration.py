"""Definitions and the repository's settings: read with an ETag, written with If-Match, so that nobody overwrites."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema

from packages_app.api.needs import ADMINISTERS, READS, UPLOADS
from packages_app.api.problems import BadRequest, NotThere
from packages_app.api.shapes import PROBLEMS, Said
from packages_app.core.documents import REPOSITORY, Document, of_package
from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.models import DefinitionStatus
from packages_app.services import adapters
from packages_app.services.configuration.definitions import definition_document, remove_definition, save_definition
from packages_app.services.configuration.saved_versions import history_of
from packages_app.services.lifecycle.repository_change import plan_change, save_change
from packages_app.services.mirror.definitions import mirror_definitions

router = Router(tags=["documents"], auth=READS)
repository = Router(tags=["documents"], auth=READS)
_ETAG = re.compile(r'(?:W/)?"([0-9]{1,9})"\Z', re.ASCII)


class ConditionMissing(RepomgrError):
    """A document is to be written without saying which version was read."""

    code = "condition_missing"
    outcome = Outcome.REFUSED


class DefinitionShape(Schema):
    """A definition: `file` is where it stands, `text` its YAML where that is a document of the table."""

    name: str
    file: str
    type: str
    enabled: bool
    suites: str
    component: str
    problems: list[Any]
    text: str = ""
    version: int = 0


class DocumentText(Said):
    """The YAML of a document."""

    text: str = Field(max_length=100_000)


class VersionShape(Schema):
    """A version of a document: who wrote it, when, and how it differs from the one before."""

    version: int
    who: str
    when: str
    removed: bool
    difference: list[str]


def _shape(row: DefinitionStatus, document: Document | None = None) -> dict[str, Any]:
    return {
        "name": row.name, "file": row.file, "type": row.source_type, "enabled": row.enabled, "suites": row.suites,
        "component": row.component, "problems": row.problems, "text": document.text if document else "",
        "version": document.version if document else 0,
    }  # fmt: skip


@router.get("", response={200: list[DefinitionShape], **PROBLEMS})
def list_definitions(request: HttpRequest) -> list[dict[str, Any]]:
    """List all definitions, those with faults too."""
    mirror_definitions()
    return [_shape(row) for row in DefinitionStatus.objects.all()]


@router.get("/{name}", response={200: DefinitionShape, **PROBLEMS})
def one_definition(request: HttpRequest, response: HttpResponse, name: str) -> dict[str, Any]:
    """Return a definition; its ETag is the version of its document, 0 for none."""
    mirror_definitions()
    row = DefinitionStatus.objects.filter(name=name).first()
    if row is None:
        raise NotThere(f"{name[:80]} is not defined.", remedy="List the definitions.")
    document = definition_document(name)
    response.headers["ETag"] = _etag(document)
    return _shape(row, document)


@router.get("/{name}/history", response={200: list[VersionShape], **PROBLEMS})
def definition_history(request: HttpRequest, name: str) -> list[dict[str, Any]]:
    """Return the versions of a definition's document, newest first; of one that was removed too."""
    return _history(of_package(name))


@router.put("/{name}", response={200: DefinitionShape, **PROBLEMS}, auth=UPLOADS)
def put_definition(request: HttpRequest, response: HttpResponse, name: str, body: DocumentText) -> dict[str, Any]:
    """Write a definition, by who may define packages here: the version that was read is in If-Match, `*` for none."""
    document = save_definition(name, body.text, read=_version_read(request), user=request.user)
    response.headers["ETag"] = _etag(document)
    return _shape(DefinitionStatus.objects.get(name=name), document)


@router.delete("/{name}", response={200: VersionShape, **PROBLEMS}, auth=UPLOADS)
def delete_definition(request: HttpRequest, name: str) -> dict[str, Any]:
    """Remove a definition; its packages stay where they are."""
    document = remove_definition(name, read=_version_read(request), user=request.user)
    return _version(document, [])


class RepositoryShape(Schema):
    """What the table says of the repository, as YAML; what a file says besides wins over it."""

    text: str
    version: int
    suites: list[str]
    origin: str
    label: str


@repository.get("", response={200: RepositoryShape, **PROBLEMS})
def repository_settings(request: HttpRequest, response: HttpResponse) -> dict[str, Any]:
    """Return the settings of the repository; the ETag is the version of the document."""
    return _repository(response)


@repository.get("/history", response={200: list[VersionShape], **PROBLEMS})
def repository_history(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the versions of the repository's document, newest first."""
    return _history(REPOSITORY)


class ChangeShape(Schema):
    """What a change would do; `shown` is sent with the request that makes it."""

    difference: list[str]
    seen: list[str]
    asked: list[str]
    leaving: list[str]
    publishes: list[str]
    shown: str


@repository.post("/preview", response={200: ChangeShape, **PROBLEMS}, auth=ADMINISTERS)
def preview_of_settings(request: HttpRequest, body: DocumentText) -> dict[str, Any]:
    """Return what clients would see of other settings; nothing is changed."""
    change = plan_change(body.text)
    return {"difference": list(change.difference), "seen": list(change.seen), "asked": list(change.asked),
            "leaving": [str(one) for one in change.leaving], "publishes": list(change.publishes),
            "shown": change.digest}  # fmt: skip


class NewSettings(DocumentText):
    """Other settings, as they were looked at; with `withdraw` packages without a place leave, for that reason."""

    shown: str
    withdraw: bool = False
    reason: str = ""


@repository.put("", response={200: RepositoryShape, **PROBLEMS}, auth=ADMINISTERS)
def put_settings(request: HttpRequest, response: HttpResponse, body: NewSettings) -> dict[str, Any]:
    """Write the repository's settings: the version that was read is in If-Match, `*` for none."""
    save_change(
        body.text, read=_version_read(request), shown=body.shown, user=request.user, withdraw=body.withdraw,
        reason=body.reason,
    )  # fmt: skip
    return _repository(response)


def _repository(response: HttpResponse) -> dict[str, Any]:
    document = adapters.documents().document(REPOSITORY)
    now = adapters.repository()
    response.headers["ETag"] = _etag(document)
    return {"text": document.text if document else "", "version": document.version if document else 0,
            "suites": [suite.name for suite in now.suites], "origin": now.origin, "label": now.label}  # fmt: skip


def _history(name: str) -> list[dict[str, Any]]:
    return [_version(change.document, change.difference) for change in history_of(name)]


def _version(document: Document, difference: list[str]) -> dict[str, Any]:
    return {"version": document.version, "who": document.who, "when": document.when, "removed": document.removed,
            "difference": difference}  # fmt: skip


def _etag(document: Document | None) -> str:
    return f'"{document.version if document is not None else 0}"'


def _version_read(request: HttpRequest) -> int:
    """Return the version that If-Match names, 0 for `*`, which is for a document that there is not yet."""
    said = request.headers.get("If-Match", "")
    if not said:
        raise ConditionMissing("The request has no If-Match.", remedy="Send the ETag of what was read, or * for none.")
    if said == "*":
        return 0
    found = _ETAG.match(said)
    if found is None:
        raise BadRequest("If-Match is no ETag of ours.", remedy='Send the ETag that was read, such as "3".')
    return int(found[1])
