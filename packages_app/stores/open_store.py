"""An object store by its address."""

from __future__ import annotations

from packages_app.core.direct_upload import DirectUploads
from packages_app.core.locations import FolderStore, S3Store, StoreLocation
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


def open_direct_uploads(location: StoreLocation, address: str) -> DirectUploads | None:
    """Return what takes parts from outside, from where its server is reached at an address.

    None where there is no such address (""), and where the store is a folder.
    """
    if not address or not isinstance(location, S3Store):
        return None
    from packages_app.stores.s3_direct import S3DirectUploads

    return S3DirectUploads(location, address)
