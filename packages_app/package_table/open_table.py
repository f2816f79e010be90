"""A package table by its address."""

from __future__ import annotations

from packages_app.core.documents import Documents
from packages_app.core.locations import SqliteTable, TableLocation
from packages_app.core.ports import PackageTable


def open_table(location: TableLocation) -> PackageTable:
    """Return the adapter for an address; each one's libraries are imported only when it is asked for."""
    if isinstance(location, SqliteTable):
        from packages_app.package_table.sqlite_table import SqlitePackageTable

        return SqlitePackageTable(location.path)
    from packages_app.package_table.dynamo_table import DynamoPackageTable

    return DynamoPackageTable(location)


def open_documents(location: TableLocation) -> Documents:
    """Return the documents that a table keeps, as `open_table`."""
    if isinstance(location, SqliteTable):
        from packages_app.package_table.sqlite_documents import SqliteDocuments

        return SqliteDocuments(location.path)
    from packages_app.package_table.dynamo_documents import DynamoDocuments

    return DynamoDocuments(location)
