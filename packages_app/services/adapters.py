"""The one place where ports get their adapters, by the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.cache import caches

from packages_app.core.caution import certificate_of
from packages_app.core.configuration import Configuration
from packages_app.core.definition import Definitions
from packages_app.core.direct_upload import DirectUploads, PartUploads
from packages_app.core.documents import Documents
from packages_app.core.errors import SigningKeyError
from packages_app.core.kept_documents import KeptDocuments
from packages_app.core.locations import StoreLocation, TableLocation
from packages_app.core.ports import ObjectStore, PackageTable, Signer
from packages_app.core.repository import Repository
from packages_app.core.source_tokens import SourceTokens
from packages_app.package_table.open_table import open_documents, open_table
from packages_app.publishing.first_key import earlier_publication, key_is_missed
from packages_app.publishing.key_roles import KeyRole, read_roles
from packages_app.publishing.keys_here import KeyHere, added_keys, keep_revocation, open_key
from packages_app.publishing.shard_cache import ShardCache
from packages_app.services.archives import present_archive
from packages_app.services.audit.documents import AuditedDocuments
from packages_app.services.upstream_answers import StoredAnswers
from packages_app.signing.open_signer import open_signer
from packages_app.signing.openpgp import generate_key, keep_key
from packages_app.signing.signing_keys import SigningKeys, keys_given
from packages_app.sources.answers import AnswerCache
from packages_app.sources.download import Fetcher
from packages_app.sources.exchange import is_web_address
from packages_app.sources.registry import settings_readers
from packages_app.stores.open_store import open_direct_uploads, open_store
from packages_app.stores.parts_as_objects import PartsAsObjects


@dataclass(frozen=True)
class Ports:
    """The ports that services go through."""

    table: PackageTable
    bucket: ObjectStore
    staging: ObjectStore


_MOST = 32
"""So many of each are kept open: an archive has one or two. Who goes through more, as tests do, keeps the last."""

_given: ContextVar[Ports | None] = ContextVar("given_ports", default=None)


_one_signer: ContextVar[list[SigningKeys] | None] = ContextVar("one_signer", default=None)


@contextmanager
def one_signer() -> Iterator[None]:
    """Let `signer` of this thread give the same keys all through the block, read when it is first asked for them."""
    token = _one_signer.set([])
    try:
        yield
    finally:
        _one_signer.reset(token)


@contextmanager
def given(ports: Ports) -> Iterator[None]:
    """Let services of this thread go through these ports for the block, not through those of the settings."""
    token = _given.set(ports)
    try:
        yield
    finally:
        _given.reset(token)


def package_table() -> PackageTable:
    """Return the package table of PACKAGE_TABLE_URL."""
    given_ones = _given.get()
    return given_ones.table if given_ones else _table(present_archive().table)


def bucket() -> ObjectStore:
    """Return the bucket of BUCKET_URL, which clients read."""
    given_ones = _given.get()
    return given_ones.bucket if given_ones else _store(present_archive().bucket)


def staging() -> ObjectStore:
    """Return the private staging store of STAGING_URL."""
    given_ones = _given.get()
    return given_ones.staging if given_ones else _store(present_archive().staging, private=True)


def direct_uploads() -> DirectUploads | None:
    """Return what takes parts of files from outside, at STAGING_UPLOAD_URL; None where that is not set."""
    return _direct_uploads(present_archive().staging, present_archive().staging_upload_url)


def part_uploads() -> PartUploads:
    """Return what takes parts of files to staging: `direct_uploads`, or what takes them through us alone."""
    return direct_uploads() or PartsAsObjects(staging())


def shard_cache() -> ShardCache:
    """Return the cache of SHARD_CACHE_URL."""
    return ShardCache(caches["shards"])


def signer() -> SigningKeys:
    """Return the signer of the keys of SIGNING_KEY, or of REPOMGR_HOME; each that signs has proved itself.

    Raise `SignerUnavailable` where others keep the key and do not answer, and `SigningKeyError`, also when the bucket
    is shared and no key is set: every host would make another one. None is made where something was published before:
    clients know the key that is missed. And in a process that it is withheld from, which has no need of it.
    """
    kept = _one_signer.get()
    if kept is None:
        return _signer_now()
    if not kept:
        kept.append(_signer_now())
    return kept[0]


def _signer_now() -> SigningKeys:
    keys = keys_here()
    if len(keys) == 1 and not keys[0].is_public:
        return SigningKeys((_proven(keys[0].given, present_archive().signing_certificate),))
    decided = read_roles(staging())
    by_role: dict[KeyRole, list[KeyHere]] = {role: [] for role in KeyRole}
    for key in keys:
        by_role[key.role_by(decided)].append(key)
    if not by_role[KeyRole.SIGNS]:
        raise SigningKeyError(
            "None of the signing keys signs: each is retired, trusted alone, or given by its public half.",
            remedy="Give SIGNING_KEY a secret key beside them, or start again with keys rotate.",
        )
    trusted = tuple(key.certificate for key in by_role[KeyRole.TRUSTED])
    signing = [_proven(key.given, present_archive().signing_certificate) for key in by_role[KeyRole.SIGNS]]
    return SigningKeys(tuple(signing), trusted)


def keys_here() -> list[KeyHere]:
    """Return the keys that this installation has, the leading one first, whatever they are for.

    Raise `SigningKeyError` as `signer` does, but for keys that can't sign.
    """
    if "SIGNING_KEY" in settings.WITHHELD:
        raise SigningKeyError(
            "The signing key is withheld from this process (WITHHELD).",
            remedy="Ask for it as a job: workers have the key. Commands of a shell have it too.",
        )
    given = [one for entry in keys_given(present_archive().signing_key) for one in _in_files(entry)]
    if not given:
        given = _of_home()
    certificates = present_archive().signing_certificate
    return list({key.fingerprint: key for key in (_key(one, certificates) for one in given)}.values())


def _of_home() -> list[str]:
    """Return the keys of the home: those added to it, read first since one becomes the only one by a move, and its own.

    Its own comes first in what is returned.
    """
    added = added_keys(present_archive().signing_key_file)
    if added and not present_archive().signing_key_file.exists():
        return added
    if not present_archive().embedded and not present_archive().signing_key_file.exists():
        raise SigningKeyError(
            "No SIGNING_KEY is set, and the bucket is not a folder of this machine.",
            remedy="Set SIGNING_KEY (or SIGNING_KEY_FILE) to the same key on every host.",
        )
    return [key_of_home(), *added]


def _in_files(entry: str) -> tuple[str, ...]:
    """Return the keys of a `file:///…` of SIGNING_KEY; what is no such address is the key itself."""
    if not entry.startswith("file:///"):
        return (entry,)
    try:
        return keys_given(Path(unquote(urlsplit(entry).path)).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SigningKeyError(
            f"{entry} of SIGNING_KEY can't be read: {getattr(error, 'strerror', '') or 'it is no armored key'}.",
            remedy="Name files with armored keys that this process may read.",
        ) from error


def key_of_home() -> str:
    """Return the armored secret key kept in REPOMGR_HOME, which is made where nothing was ever published.

    Raise `SigningKeyError` where there is none and clients know one already, and the errors of table and store.
    """
    file: Path = present_archive().signing_key_file
    if not file.exists():
        earlier = earlier_publication(package_table(), bucket(), repository(), definitions().bootstrap_packages())
        # Another process, that started at the same time, may have made the key and published with it meanwhile.
        if earlier is not None and not file.exists():
            raise key_is_missed(earlier, file.name)
        make_key_of_home()
    return file.read_text(encoding="utf-8")


def make_key_of_home() -> None:
    """Make the key kept in REPOMGR_HOME, with a revocation certificate; one that is there stays as it is."""
    file: Path = present_archive().signing_key_file
    keep_revocation(file, keep_key(file, lambda: generate_key(name_of_keys())))


def name_of_keys() -> str:
    """Return the User ID of keys that are made here."""
    return f"{repository().label} archive signing key"


def repository() -> Repository:
    """Return what `config/repository.yaml` says now, or its document; raise `DefinitionError`."""
    return configuration().repository()


def definitions() -> Definitions:
    """Return what `config/packages/` and the documents say now; bad ones are in its `problems`."""
    return configuration().definitions()


def configuration() -> Configuration:
    """Return the files of CONFIG_DIR over the documents of the package table."""
    return _configuration(present_archive().config_dir, present_archive().table)


def documents() -> Documents:
    """Return the documents that the package table of PACKAGE_TABLE_URL keeps; a write is told of."""
    return AuditedDocuments(_documents(present_archive().table))


def fetcher(operators_url: str = "", *, https_only: bool = False, answers: AnswerCache | None = None) -> Fetcher:
    """Return what fetches from vendors; answers are kept in staging, or in `answers`. See `Fetcher` for `https_only`.

    Private addresses are those of PRIVATE_UPSTREAMS, and the host of an address that the operator typed or set for
    this very work, which needs no second permission; where it redirects to does.
    """
    tokens = SourceTokens({settings.GITHUB_TOKEN_HOST: settings.GITHUB_TOKEN, **settings.SOURCE_TOKENS})
    private = settings.PRIVATE_UPSTREAMS
    if is_web_address(operators_url):
        private = private.and_host(urlsplit(operators_url).hostname or "")
    return Fetcher(
        answers=answers or StoredAnswers(staging()),
        tokens=tokens,
        certificates_of=_certificates_of,
        clock=now,
        allowed_private=private,
        https_only=https_only,
    )


def _certificates_of(package: str) -> set[str]:
    """Return the fingerprints of the certificates that signed the versions taken in so far."""
    return {certificate_of(record) for record in package_table().versions_of(package)} - {""}


def now() -> datetime:
    """Return now, in UTC."""
    return datetime.now(UTC)


@lru_cache(maxsize=_MOST)
def _configuration(folder: Path, table: TableLocation) -> Configuration:
    return Configuration(folder, settings_readers(), kept=KeptDocuments(_documents(table)))


@lru_cache(maxsize=_MOST)
def _documents(location: TableLocation) -> Documents:
    return open_documents(location)


@lru_cache(maxsize=_MOST)
def _table(location: TableLocation) -> PackageTable:
    return open_table(location)


@lru_cache(maxsize=_MOST)
def _store(location: StoreLocation, *, private: bool = False) -> ObjectStore:
    return open_store(location, private=private)


@lru_cache(maxsize=_MOST)
def _direct_uploads(location: StoreLocation, address: str) -> DirectUploads | None:
    return open_direct_uploads(location, address)


@lru_cache(maxsize=_MOST)
def _key(given: str, certificates: str) -> KeyHere:
    return open_key(given, certificates)


@lru_cache(maxsize=_MOST)
def _proven(given: str, certificates: str) -> Signer:
    return open_signer(given, certificates=certificates)
