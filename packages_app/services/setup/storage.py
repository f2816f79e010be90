"""Making the package table and the stores where they are missing, and trying whether they keep what we rely on."""

from __future__ import annotations

from packages_app.core.layout import INDEX_PAGE
from packages_app.core.locations import S3Store
from packages_app.core.ports import ObjectStore, PackageTable, Progress
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.stores.public_read import allow_public_read


def create_storage(progress: Progress, *, public: bool = False) -> dict[str, bool]:
    """Make table with its index, bucket and staging, and try each; return what was made by name. Safe to repeat.

    `public` lets anybody read what clients fetch of a bucket on S3, by its policy; a folder needs none. Behind a table
    that is new the home gets its signing key, as long as nothing shows that clients know another one.
    Raise `TableUnfit` and `StoreUnfit` for a server that must not be used, the errors of table and store, and
    `SigningKeyError` for a key that is missed.
    """
    made = {}
    ports: dict[str, PackageTable | ObjectStore] = {
        "package table": adapters.package_table(),
        "bucket": adapters.bucket(),
        "staging": adapters.staging(),
    }
    for name, port in ports.items():
        progress.step("create", name)
        made[name] = port.create()
        progress.note(f"{name} {'made' if made[name] else 'is there'}")
        progress.note(port.probe())
    archive = present_archive()
    if public and isinstance(archive.bucket, S3Store):
        progress.step("let clients read")
        allow_public_read(archive.bucket, root_files())
    if made["package table"] and archive.embedded and not archive.signing_key:
        progress.step("signing key")
        progress.note(adapters.signer().fingerprint)
    return made


def root_files() -> list[str]:
    """Return the names of the root files that clients fetch: instructions, keyring, convenience copies."""
    copies = [d.bootstrap.copy for d in adapters.definitions().bootstrap_packages() if d.bootstrap]
    return [INDEX_PAGE, *copies, adapters.repository().keyring_key]
