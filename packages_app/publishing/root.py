"""What stands in the bucket's root: convenience copies, keyring, the rendered instructions page.

See docs/REQUIREMENTS.md R2-R3, R16.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from packages_app.core.at_once import at_once
from packages_app.core.definition import Definition
from packages_app.core.errors import ObjectNotFound
from packages_app.core.layout import INDEX_PAGE
from packages_app.core.ports import ObjectStore
from packages_app.core.repository import Repository, Suite
from packages_app.publishing.contents import Contents
from packages_app.signing.unproven import keys_in

_NO_PATTERN = '"\\*?[]'
_COMMA = r"\,"


@dataclass(frozen=True)
class CopyOutcome:
    """What became of one convenience copy. Versions are "" where there is none; `changed` says if bytes were copied."""

    key: str
    package: str
    old_version: str
    new_version: str
    changed: bool


def renew_convenience_copy(
    bucket: ObjectStore, definition: Definition, contents: Contents, *, again: bool
) -> CopyOutcome | None:
    """Bring a bootstrap package's copy in the root to the newest version that the suite shows.

    A server-side copy of the pool's object, with `package`, `version` and `sha256` as metadata. A copy that is the
    newest is left as it is unless `again`. None when the suite has no such package. Raise `ObjectNotFound` when the
    pool lacks the file.
    """
    if definition.bootstrap is None:
        return None
    newest, key = contents.newest_of(definition.name), definition.bootstrap.copy
    if newest is None:
        return None
    present = bucket.head(key)
    old = present.metadata.get("version", "") if present else ""
    in_place = (
        present is not None
        and present.size == newest.file_size
        and old == newest.version
        and present.metadata.get("sha256") == newest.sha256
    )
    if in_place and not again:
        return CopyOutcome(key, definition.name, old, newest.version, changed=False)
    metadata = {"package": newest.package_name, "version": newest.version, "sha256": newest.sha256}
    bucket.copy(newest.pool_path, key, metadata=metadata)
    return CopyOutcome(key, definition.name, old, newest.version, changed=True)


def client_commands(public_url: str, bootstrap: Definition | None, package: str) -> list[str]:
    """Return the shell lines that set a client up and install `package`, or look what there is when that is "".

    A comment stands first where anybody on the way may change what they fetch.
    """
    lines = [f"# {said}" for said in (unprotected(public_url),) if said]
    if bootstrap is not None and bootstrap.bootstrap is not None:
        copy = bootstrap.bootstrap.copy
        lines.append(f"curl -fsSLO {public_url}/{copy} && sudo apt install ./{copy}")
    return [*lines, f"sudo apt update && sudo apt install {package}" if package else "sudo apt update"]


def origins_pattern(repository: Repository, suite: Suite) -> str:
    """Return the line of apt.conf with which unattended-upgrades takes a suite's upgrades; "" where no line could.

    A comma in a value is written with a backslash before it; what it reads as a wildcard can't be written at all (its
    `match_whitelist_string`, which splits at commas and compares by fnmatch).
    """
    values = {"origin": repository.origin, "label": repository.label, "codename": suite.codename}
    if any(character in _NO_PATTERN for value in values.values() for character in value):
        return ""
    said = ",".join(f"{name}={value.replace(',', _COMMA)}" for name, value in values.items())
    return f'Unattended-Upgrade::Origins-Pattern {{ "{said}"; }};'


def unprotected(public_url: str) -> str:
    """Return what to know of an address that is no https one, "" for one that is.

    apt checks what it fetches by the key. The first package, the keyring and these very commands nothing checks.
    """
    if public_url.lower().startswith("https://"):
        return ""
    return (
        f"{public_url} is not https: anybody on the way can change the key and the package that these commands fetch."
    )


def root_keys(bucket: ObjectStore, repository: Repository) -> dict[str, str]:
    """Return the keys of the keyring in the root as `keys_in` does; none where it is gone or no keyring."""
    return keys_in(read_keyring(bucket, repository))


def read_keyring(bucket: ObjectStore, repository: Repository) -> bytes:
    """Return the keyring in the root, b"" where it is gone."""
    try:
        return bucket.read(repository.keyring_key)
    except ObjectNotFound:
        return b""


def put_if_other(bucket: ObjectStore, key: str, body: bytes) -> bool:
    """Write a root object unless it holds these bytes already; True when it was written."""
    with suppress(ObjectNotFound):
        if bucket.read(key) == body:
            return False
    bucket.put(key, body)
    return True


def renew_root_files(bucket: ObjectStore, repository: Repository, keyring: bytes, page: bytes) -> list[str]:
    """Write the public keyring and the instructions page where they differ; return the keys written."""
    files = {repository.keyring_key: keyring, INDEX_PAGE: page}
    written = at_once([partial(put_if_other, bucket, key, body) for key, body in files.items()], bucket.at_once)
    return [key for key, new in zip(files, written, strict=True) if new]
