"""The mirror: one row for each record of the package table, for browsing only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField


class BytewiseCharField(_CharField):
    """Text compared byte by byte, as SQLite does; PostgreSQL needs to be told."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        """Ask PostgreSQL for its "C" collation."""
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class Package(models.Model):
    """One record: one version of one package for one architecture. `version_key` sorts as dpkg does."""

    package_id = models.CharField("package id", max_length=512)
    package_name = models.CharField("name", max_length=255)
    version = models.CharField(max_length=256)
    version_key = BytewiseCharField(max_length=1024, editable=False)
    architecture = models.CharField(max_length=64)
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

    class Meta:
        """One row a key; the order that people read: name, then newest first."""

        ordering = ("package_name", "-version_key", "architecture")
        constraints = (models.UniqueConstraint(fields=("package_id", "architecture"), name="package_key"),)
        indexes = (
            models.Index(fields=("package_name", "-version_key", "architecture"), name="package_by_version"),
            models.Index(fields=("-processed_timestamp",), name="package_by_intake"),
            models.Index(fields=("package_type", "package_name"), name="package_by_type"),
            models.Index(fields=("architecture", "package_name"), name="package_by_architecture"),
        )
        permissions = (("upload_package", "Can upload packages"),)

    def __str__(self) -> str:
        return f"{self.package_name} {self.version} ({self.architecture})"


class SuiteMembership(models.Model):
    """Says that a mirrored package is in a suite."""

    package = models.ForeignKey(Package, on_delete=models.CASCADE, related_name="memberships")
    suite = models.CharField(max_length=64)

    class Meta:
        """A package is in a suite once."""

        constraints = (models.UniqueConstraint(fields=("suite", "package"), name="suite_member"),)

    def __str__(self) -> str:
        return self.suite
