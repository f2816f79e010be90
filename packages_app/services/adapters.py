"""The one place where ports get their adapters, by the settings."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from django.conf import settings

from packages_app.core.definition import Definitions, load_definitions
from packages_app.core.errors import SigningKeyError
from packages_app.core.locations import StoreLocation, TableLocation
from packages_app.core.ports import ObjectStore, PackageTable
from packages_app.core.repository import Repository, load_repository
from packages_app.package_table.open_table import open_table
from packages_app.publishing.open_store import open_store
from packages_app.services.upstream_answers import StoredAnswers
from packages_app.signing.openpgp import OpenPgpSigner, generate_key, keep_key
from packages_app.sources.download import Fetcher
from packages_app.sources.registry import settings_readers


def package_table() -> PackageTable:
    """Give the package table of PACKAGE_TABLE_URL."""
    return _table(settings.PACKAGE_TABLE)


def bucket() -> ObjectStore:
    """Give the bucket of BUCKET_URL, which clients read."""
    return _store(settings.BUCKET)


def staging() -> ObjectStore:
    """Give the private staging store of STAGING_URL."""
    return _store(settings.STAGING)


def signer() -> OpenPgpSigner:
    """Give the signer of SIGNING_KEY, or of the key kept in REPOMGR_HOME; it has proved itself.

    Raises `SigningKeyError`, also when the bucket is shared and no key is set: every host would make another one.
    """
    armored = settings.SIGNING_KEY
    if not armored:
        if not settings.EMBEDDED_BUCKET and not settings.SIGNING_KEY_FILE.exists():
            raise SigningKeyError(
                "No SIGNING_KEY is set, and the bucket is not a folder of this machine.",
                remedy="Set SIGNING_KEY (or SIGNING_KEY_FILE) to the same armored secret key on every host.",
            )
        label = repository().label
        armored = keep_key(settings.SIGNING_KEY_FILE, lambda: generate_key(f"{label} archive signing key"))
    return _signer(armored)


def repository() -> Repository:
    """Read `config/repository.yaml`; raises `DefinitionError`."""
    return load_repository(settings.CONFIG_DIR / "repository.yaml")


def definitions() -> Definitions:
    """Read `config/packages/`; bad files are in its `problems`."""
    return load_definitions(settings.CONFIG_DIR / "packages", repository(), settings_readers())


def fetcher() -> Fetcher:
    """Give what fetches from vendors; their answers are kept in staging."""
    tokens = {"github_release": settings.GITHUB_TOKEN}
    return Fetcher(answers=StoredAnswers(staging()), tokens=tokens, clock=now)


def now() -> datetime:
    """The clock, in UTC."""
    return datetime.now(UTC)


@cache
def _table(location: TableLocation) -> PackageTable:
    return open_table(location)


@cache
def _store(location: StoreLocation) -> ObjectStore:
    return open_store(location)


@cache
def _signer(armored: str) -> OpenPgpSigner:
    signer = OpenPgpSigner(armored)
    signer.prove()
    return signer
