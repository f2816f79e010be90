"""ARCHIVES: the repositories of one installation, as YAML: a name for each, and below it what it has of its own.

`default` is the one that the environment's settings make, and has nothing below it. The others have what they need in
`archives/NAME` in the home; where the environment's table and stores are on servers, theirs have to be named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from packages_app.core import home
from packages_app.core.archive import DEFAULT, SLUG, Archive
from packages_app.core.errors import SettingsError
from packages_app.core.locations import (
    DynamoTable,
    FolderStore,
    S3Store,
    SqliteTable,
    StoreLocation,
    TableLocation,
    parse_store_url,
    parse_table_url,
    place_of,
)
from packages_app.core.snapshot import MARK
from packages_app.core.yaml_reader import YamlReader, reader_of_text
from repomgr.environment import checked_server_of, checked_web_address

ARCHIVES = "archives"
_RESERVED = ("dists", "pool", MARK)
"""What stands below the address of `default` itself."""
Value = TypeVar("Value")


def read_archives(text: str, standing: Archive, withheld: Collection[str]) -> dict[str, Archive | None]:
    """Return the archives by their slugs, None for `default`, which is `standing`; that alone where nothing is said.

    A key that is withheld from this process is not read. Raise `SettingsError`, which names every fault by its line.
    """
    if not text:
        return {DEFAULT: None}
    reader, found = reader_of_text("ARCHIVES", text), dict[str, Archive | None]()
    for slug in reader.values:
        values = reader.mapping(slug, required=False)
        if not SLUG.fullmatch(slug) or slug in _RESERVED:
            remedy = "Write up to 32 of a-z, 0-9 and -, a letter first; dists, pool and snapshots are in addresses."
            reader.problem(slug, "It can't be the name of an archive.", remedy)
        elif slug != DEFAULT:
            found[slug] = _archive(slug, values, standing, withheld)
        else:
            found[slug] = None
        values.finish()
    if not found and not reader.problems:
        reader.problem("(file)", "It names no archive.", "Unset ARCHIVES, or name one.")
    for what in _shared({slug: one or standing for slug, one in found.items()}):
        reader.problem("(file)", what, "Give each archive a table, a bucket and a staging store of its own.")
    if reader.problems:
        said = "\n".join(map(str, sorted(reader.problems)))
        raise SettingsError(f"ARCHIVES can't be used:\n{said}", remedy="Mend each; its remedy stands beside it.")
    return found


def _archive(slug: str, values: YamlReader, standing: Archive, withheld: Collection[str]) -> Archive:
    own = standing.home / ARCHIVES / slug
    bucket = _store(values, "BUCKET_URL", standing.bucket, own / home.BUCKET)
    embedded = isinstance(bucket, FolderStore)
    address = values.text("PUBLIC_URL", required=not embedded)
    admin = values.text("ADMIN_URL", required=False)
    if not admin and standing.admin_url:
        admin = f"{standing.admin_url.removesuffix('/admin')}/{ARCHIVES}/{slug}/admin"
    staging = _store(values, "STAGING_URL", standing.staging, own / home.STAGING)
    key = _text_or_file(values, "SIGNING_KEY")
    if "-----BEGIN" in values.text("SIGNING_KEY", required=False):
        values.problem("SIGNING_KEY", "It is a key itself.", "Name a file that holds it: SIGNING_KEY_FILE.")
    return Archive(
        slug=slug,
        home=own,
        config_dir=_folder(values, "REPOMGR_CONFIG", own / home.CONFIG),
        own_config_dir=own / home.CONFIG,
        table=_table(values, standing.table, own / home.TABLE_FILE),
        bucket=bucket,
        staging=staging,
        embedded=embedded,
        public_url=_address(values, "PUBLIC_URL", address) if address else f"{standing.public_url}/{slug}",
        public_url_given=bool(address),
        signing_key="" if "SIGNING_KEY" in withheld else key(),
        signing_certificate=_text_or_file(values, "SIGNING_CERTIFICATE")(),
        signing_key_file=own / home.SIGNING_KEY_FILE,
        admin_url=_address(values, "ADMIN_URL", admin) if admin else "",
        staging_upload_url=_server_of(values, "STAGING_UPLOAD_URL", staging),
    )


def _told(values: YamlReader, name: str, read: Callable[[], Value], otherwise: Value) -> Value:
    """Return what is read; what it raises is a problem of the field."""
    try:
        return read()
    except SettingsError as error:
        values.problem(name, error.message, error.remedy)
    except (OSError, UnicodeDecodeError) as error:
        values.problem(name, f"It can't be read: {error}.", "Check its path and mode.")
    return otherwise


def _address(values: YamlReader, name: str, given: str) -> str:
    return _told(values, name, lambda: checked_web_address(name, given), given)


def _server_of(values: YamlReader, name: str, store: StoreLocation) -> str:
    given = values.text(name, required=False)
    return _told(values, name, lambda: checked_server_of(store, name, given), "")


def _table(values: YamlReader, standing: TableLocation, file: Path) -> TableLocation:
    name = "PACKAGE_TABLE_URL"
    otherwise: TableLocation = SqliteTable(file)
    url = values.text(name, required=not isinstance(standing, SqliteTable))
    return _told(values, name, lambda: parse_table_url(name, url), otherwise) if url else otherwise


def _store(values: YamlReader, name: str, standing: StoreLocation, folder: Path) -> StoreLocation:
    url = values.text(name, required=not isinstance(standing, FolderStore))
    otherwise: StoreLocation = FolderStore(folder)
    return _told(values, name, lambda: parse_store_url(name, url), otherwise) if url else otherwise


def _folder(values: YamlReader, name: str, default: Path) -> Path:
    given = values.text(name, required=False)
    path = Path(given).expanduser() if given else default
    if not path.is_absolute():
        values.problem(name, f"{given!r} depends on who reads it.", "Write an absolute path.")
    return path


def _text_or_file(values: YamlReader, name: str) -> Callable[[], str]:
    """Return what reads NAME, or the file that NAME_FILE names."""
    text, file = values.text(name, required=False), f"{name}_FILE"
    path = values.text(file, required=False)
    if text and path:
        values.problem(name, f"{name} and {file} are both set.", "Leave one of them out.")
    if not path:
        return lambda: text
    return lambda: _told(values, file, lambda: Path(path).read_text(encoding="utf-8").strip(), "")


def _shared(archives: Mapping[str, Archive]) -> Iterator[str]:
    """Yield what two archives have in common that each needs for itself."""
    for one, other in combinations(archives.values(), 2):
        for its in (one.table, one.bucket, one.staging):
            for others in (other.table, other.bucket, other.staging):
                if _overlap(its, others):
                    yield f"{one.slug} and {other.slug} both have {place_of(its)}."
        if one.public_url == other.public_url:
            yield f"{one.slug} and {other.slug} both have the address {one.public_url}."


def _overlap(one: TableLocation | StoreLocation, other: TableLocation | StoreLocation) -> bool:
    """Return whether two places are the same, or one lies in the other."""
    if isinstance(one, DynamoTable) and isinstance(other, DynamoTable):
        return (one.name, one.endpoint, one.region) == (other.name, other.endpoint, other.region)
    if isinstance(one, S3Store) and isinstance(other, S3Store):
        mine, theirs = (f"{store.prefix}/".lstrip("/") for store in (one, other))
        same = (one.bucket, one.endpoint) == (other.bucket, other.endpoint)
        return same and (mine.startswith(theirs) or theirs.startswith(mine))
    if isinstance(one, SqliteTable | FolderStore) and isinstance(other, SqliteTable | FolderStore):
        mine_at, theirs_at = one.path.resolve(), other.path.resolve()
        return mine_at.is_relative_to(theirs_at) or theirs_at.is_relative_to(mine_at)
    return False
