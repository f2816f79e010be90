"""The names of packages that searches read: a row each, as long as the mirror has a package of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from django.db.models import Exists, OuterRef

from packages_app.core.batches import batches_of
from packages_app.models import Package, PackageName
from packages_app.services.mirror.bulk_rows import lock_rows, write_rows
from packages_app.services.transactions import in_transaction

_BATCH = 1000


def renew_names() -> None:
    """Make the names that searches read those of the rows: a row may have been changed or removed by hand."""
    names = PackageName.objects.filter(name=OuterRef("package_name"))
    lacking = Package.objects.filter(~Exists(names)).order_by().values_list("package_name", flat=True).distinct()
    for some in batches_of(lacking, _BATCH):
        in_transaction(partial(add_names, some))
    gone = PackageName.objects.filter(~Exists(Package.objects.filter(package_name=OuterRef("name"))))

    def remove(pks: Sequence[int]) -> None:
        lock_rows(PackageName.objects.filter(pk__in=pks), ("name",))
        gone.filter(pk__in=pks).delete()

    for pks in batches_of(gone.values_list("pk", flat=True), _BATCH):
        in_transaction(partial(remove, pks))


def add_names(names: Iterable[str]) -> None:
    """Add names that rows of packages bear; one that is there is no fault."""
    write_rows(PackageName, ("name",), [(name,) for name in names], key=("name",))
