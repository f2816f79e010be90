"""Packages selected by a query, as the mirror knows them."""

from __future__ import annotations

from packages_app.core.query import parse_query
from packages_app.models import Package, selected_by
from packages_app.models.package import PackageQuerySet
from packages_app.services import adapters


def select_packages(query: str, among: PackageQuerySet | None = None) -> PackageQuerySet:
    """Return the packages that a query selects, of all or of some; raise `QueryRefused` for one that can't be read."""
    condition = selected_by(parse_query(query), adapters.now())
    return (Package.objects.all() if among is None else among).filter(condition)
