"""An object store by its address."""

from __future__ import annotations

from packages_app.core.locations import FolderStore, StoreLocation
from packages_app.core.ports import ObjectStore


def open_store(location: StoreLocation, *, private: bool = False) -> ObjectStore:
    """Return the adapter for an address; boto3 is imported only for S3.

    What is written to a `private` folder is for its owner alone; on S3 the bucket's policy decides.
    """
    if isinstance(location, FolderStore):
        from packages_app.stores.local_store import LocalObjectStore

        return LocalObjectStore(location, private=private)
    from packages_app.stores.s3_store import S3ObjectStore

    return S3ObjectStore(location)
