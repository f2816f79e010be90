"""Django's database: whether it answers, and is as this release needs it."""

from __future__ import annotations

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from packages_app.core.errors import DatabaseOutdated, ServiceUnavailable
from packages_app.services.outside_errors import error_told


def check_database() -> str:
    """Return what the database is; raise `ServiceUnavailable`, and `DatabaseOutdated` for lacking migrations.

    Without them a command would stop half-way, at the first row or column that is not there.
    """
    try:
        executor = MigrationExecutor(connection)
        lacking = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        raise error_told(error) or ServiceUnavailable(
            f"The database does not answer: {str(error).strip()}.",
            remedy="Check DATABASE_URL and that the server runs.",
        ) from error
    if lacking:
        raise DatabaseOutdated(
            f"{len(lacking)} migrations of the database are not applied, the first"
            f" {lacking[0][0].app_label}.{lacking[0][0].name}: it is new, or an earlier release's.",
            remedy="Stop the processes of the earlier release, then run manage.py first_start (or manage.py migrate).",
        )
    return f"{connection.vendor}, all migrations applied"
