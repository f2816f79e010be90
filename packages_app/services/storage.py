"""Making the package table and the stores where they are missing."""

from __future__ import annotations

from packages_app.core.ports import Progress
from packages_app.services import adapters


def create_storage(progress: Progress) -> dict[str, bool]:
    """Make table with its index, bucket and staging; gives what was made by name. Safe to repeat."""
    made = {}
    for name, create in (
        ("package table", adapters.package_table().create),
        ("bucket", adapters.bucket().create),
        ("staging", adapters.staging().create),
    ):
        progress.step("create", name)
        made[name] = create()
        progress.note(f"{name} {'made' if made[name] else 'is there'}")
    return made
