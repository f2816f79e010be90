"""Packages: looked for by the query language, and one by its name, version and architecture."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from packages_app.api.listed import USUAL, Listed, page_of
from packages_app.api.needs import READS
from packages_app.api.problems import NotThere
from packages_app.api.shapes import PROBLEMS, PackageShape
from packages_app.models import Package
from packages_app.services import adapters
from packages_app.services.mirror.selection import select_packages

router = Router(tags=["packages"], auth=READS)
_ORDER = ("package_name", "-version_key", "architecture", "build", "pk")


@router.get("", response={200: Listed[PackageShape], **PROBLEMS})
def list_packages(
    request: HttpRequest, query: str = "", suite: str = "", cursor: str = "", limit: int = USUAL
) -> dict[str, Any]:
    """List packages that a query selects, all without one, by name and newest first; `suite` keeps those of one."""
    rows = select_packages(query) if query else Package.objects.all()
    if suite:
        rows = rows.filter(memberships__suite=suite)
    page = page_of(rows.prefetch_related("memberships"), _ORDER, cursor, limit, (query, suite))
    return {**page, "items": [PackageShape.of_row(row) for row in page["items"]]}


@router.get("/{name}", response={200: list[PackageShape], **PROBLEMS})
def package_versions(request: HttpRequest, name: str) -> list[dict[str, Any]]:
    """Return all versions of a package, as the table has them, newest first."""
    records = list(adapters.package_table().versions_of(name))
    if not records:
        raise NotThere(f"There is no package {name[:80]!r}.", remedy="List the packages that there are.")
    return [PackageShape.of_record(record) for record in reversed(records)]


@router.get("/{name}/{version}/{built_for}", response={200: PackageShape, **PROBLEMS})
def package_version(request: HttpRequest, name: str, version: str, built_for: str) -> dict[str, Any]:
    """Return one version for an architecture (`amd64`, of one of several builds `amd64#BUILD`), as the table has it."""
    record = adapters.package_table().get(name, version, built_for)
    if record is None:
        raise NotThere(
            f"There is no {name[:80]} {version[:80]} {built_for[:80]}.", remedy="List the package's versions."
        )
    return PackageShape.of_record(record)
