"""The mirror: one row for each record of the package table, for browsing only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models

from packages_app.core.builds import LONGEST_BUILD
from packages_app.core.record import TableKey, built_for
from packages_app.models.of_archive import OfArchive, RowsOfArchive, slug_of_rows

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField

KEY_COLUMNS = ("package_id", "architecture", "build")
"""What tells a row from every other, as a record's key does."""
_CHUNK = 2000
_PEOPLES_ORDER = ("package_name", "-version_key", "architecture")


class BytewiseCharField(_CharField):
    """Text compared byte by byte, as SQLite does; PostgreSQL needs to be told."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        """Ask PostgreSQL for its "C" collation."""
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


def key_of_row(row: Sequence[str]) -> TableKey:
    """Return the key of the record of a row, of which the values of `KEY_COLUMNS` are given."""
    package_id, architecture, build = row
    return (package_id, built_for(architecture, build))


class PackageQuerySet(models.QuerySet["Package"]):
    """Packages as people look for them. What they mean by a text is a part of a name, or a name, `#` and a version.

    Parts are looked for among the distinct names, of which there are few; of the version, its beginning is enough.
    """

    def record_keys(self) -> Iterator[TableKey]:
        """Return the keys of their records, in their order, as they come from the database."""
        return map(key_of_row, self.values_list(*KEY_COLUMNS).iterator(chunk_size=_CHUNK))

    def found_by(self, text: str) -> Self:
        """Keep what is meant by `text`; all when it is empty."""
        return self.filter(_meant_by(text, "package_name"))

    def in_suite(self, suite: str, text: str = "") -> Self:
        """Keep a suite's packages, of them what is meant by `text`; `member__package_name` sorts them by an index.

        Both in one, since names are looked up in the suite's own index.
        """
        member = models.FilteredRelation(
            "memberships", condition=models.Q(memberships__archive=slug_of_rows(), memberships__suite=suite)
        )
        return self.alias(member=member).filter(_meant_by(text, "member__package_name"), member__isnull=False)


def _meant_by(text: str, column: str) -> models.Q:
    name, mark, version = text.strip().partition("#")
    if mark:
        return models.Q((column, name), version__startswith=version)
    if not name:
        return models.Q()
    return models.Q((f"{column}__in", PackageName.objects.filter(name__icontains=name).values("name")))


class PackageName(OfArchive):
    """A name that the mirror has packages of, once: a search for a part of a name reads these."""

    name = models.CharField(max_length=255)

    class Meta:
        """Nobody looks at these as such."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("archive", "name"), name="package_name_once"),)

    def __str__(self) -> str:
        return self.name


class Package(OfArchive):
    """One record: one version of one package for one architecture, or a `build` of it.

    `version_key` sorts as dpkg does.
    """

    package_id = models.CharField("package id", max_length=512)
    package_name = models.CharField("name", max_length=255)
    version = models.CharField(max_length=256)
    version_key = BytewiseCharField(max_length=1024, editable=False)
    architecture = models.CharField(max_length=64)
    build = models.CharField(max_length=LONGEST_BUILD, blank=True, default="")
    package_type = models.CharField("type", max_length=64, blank=True)
    component = models.CharField(max_length=64)
    section = models.CharField(max_length=255, blank=True)
    priority = models.CharField(max_length=64, blank=True)
    maintainer = models.TextField(blank=True)
    homepage = models.TextField(blank=True)
    description = models.TextField(blank=True)
    depends = models.TextField(blank=True)
    deb_url = models.TextField("fetched from", blank=True)
    actual_filename = models.TextField("file name", blank=True)
    pool_path = models.TextField("pool path", blank=True)
    file_size = models.BigIntegerField("size", null=True)
    md5_hash = models.CharField("MD5", max_length=32, blank=True)
    sha1_hash = models.CharField("SHA1", max_length=40, blank=True)
    sha256_hash = models.CharField("SHA256", max_length=64, blank=True)
    sha512_hash = models.CharField("SHA512", max_length=128, blank=True)
    certificate_url = models.TextField("certificate", blank=True)
    signature_url = models.TextField("signature", blank=True)
    notes = models.TextField(blank=True)
    pub_date = models.CharField("published upstream", max_length=64, blank=True)
    processed_timestamp = models.CharField("taken in", max_length=64, blank=True)
    control = models.TextField("control paragraph", blank=True)
    other_fields = models.TextField("further fields of an older table", blank=True)

    objects: ClassVar = RowsOfArchive.from_queryset(PackageQuerySet)()

    class Meta:
        """One row a key; the order that people read: name, then newest first."""

        ordering = _PEOPLES_ORDER
        constraints = (models.UniqueConstraint(fields=("archive", *KEY_COLUMNS), name="package_key"),)
        indexes = (
            models.Index(fields=("archive", *_PEOPLES_ORDER), name="package_by_version"),
            models.Index(fields=("archive", "-processed_timestamp"), name="package_by_intake"),
            # Each of these two has the other's column too: what is filtered by both is found in one of them alone.
            models.Index(fields=("archive", "package_type", *_PEOPLES_ORDER), name="package_by_type"),
            models.Index(
                fields=("archive", "architecture", *_PEOPLES_ORDER[:2], "package_type"), name="package_by_architecture"
            ),
        )
        permissions = (
            ("upload_package", "Can upload packages"),
            ("hotfix_package", "Can upload versions of packages that a source watches"),
            ("bootstrap_package", "Can build and upload bootstrap packages"),
        )

    def __str__(self) -> str:
        return f"{self.package_name} {self.version} ({self.built_for})"

    @property
    def built_for(self) -> str:
        """The second part of its record's key."""
        return built_for(self.architecture, self.build)

    @property
    def key(self) -> TableKey:
        """Its record's key."""
        return (self.package_id, self.built_for)


class SuiteMembership(OfArchive):
    """Says that a mirrored package is in a suite. The package's name is here too, so that a suite is sorted by it."""

    package = models.ForeignKey(Package, on_delete=models.CASCADE, related_name="memberships")
    suite = models.CharField(max_length=64)
    package_name = models.CharField("name", max_length=255, blank=True)

    class Meta:
        """A package is in a suite once."""

        constraints = (models.UniqueConstraint(fields=("archive", "suite", "package"), name="suite_member"),)
        indexes = (models.Index(fields=("archive", "suite", "package_name"), name="suite_by_name"),)

    def __str__(self) -> str:
        return self.suite
