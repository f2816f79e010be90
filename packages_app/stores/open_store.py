"""An object store by its address."""

from __future__ import annotations

from packages_app.core.locations import FolderStore, StoreLocation
from packages_app.core.ports import ObjectStore


def open_store(location: StoreLocation) -> ObjectStore:
    """Return the adapter for an address; boto3 is imported only for S3."""
    if isinstance(location, FolderStore):
        from packages_app.stores.local_store import LocalObjectStore

        return LocalObjectStore(location)
    from packages_app.stores.s3_store import S3ObjectStore

    return S3ObjectStore(location)
