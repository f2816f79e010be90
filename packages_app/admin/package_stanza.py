"""The stanza and the address of a mirrored package, as clients see them."""

from __future__ import annotations

from dataclasses import fields

from django.conf import settings

from packages_app.core.layout import public_address
from packages_app.core.record import PackageRecord
from packages_app.debian.stanza import stanza_of
from packages_app.models import Package


def package_stanza(package: Package) -> str:
    """Return a row's stanza; for an incomplete one, the sentence that names what is missing."""
    names = {field.name for field in fields(PackageRecord)} - {"suites"}
    record = PackageRecord(**{name: getattr(package, name) for name in names})
    missing = record.missing_fields()
    if missing:
        return f"No index carries this record: it has no {', no '.join(missing)}."
    return stanza_of(record)


def download_url(package: Package) -> str:
    """Return the address that clients fetch a row's file from."""
    return public_address(settings.PUBLIC_URL, package.pool_path)
