"""The bucket's root verified: convenience copies, the public keyring, the instructions page."""

from __future__ import annotations

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.definition import Definition
from packages_app.core.layout import INDEX_PAGE, content_type
from packages_app.core.repository import Suite
from packages_app.publishing.contents import Contents
from packages_app.services import adapters
from packages_app.services.publication.root import root_page
from packages_app.verification.finding import Cure, Finding
from packages_app.verification.pool import file_problem
from packages_app.verification.reader import Discrepancy, Reader, View

_COPY = {Discrepancy.MISSING: "copy_missing", Discrepancy.DIFFERS: "copy_differs", Discrepancy.NOT_SERVED: "not_served"}
_ROOT = {Discrepancy.MISSING: "root_missing", Discrepancy.DIFFERS: "root_differs", Discrepancy.NOT_SERVED: "not_served"}


def root_findings(view: View, suite: Suite, contents: Contents) -> list[Finding]:
    """Look at what the default suite's publications write into the root; `contents` is what the table says."""
    findings = []
    repository, definitions = adapters.repository(), adapters.definitions()
    for key, body in (
        (repository.keyring_key, adapters.signer().public_keyring()),
        (INDEX_PAGE, root_page(repository, definitions, contents)),
    ):
        findings += _object_findings(view, suite, key, len(body), checksums_of_bytes(body).sha256, _ROOT)
    for definition in definitions.bootstrap_packages():
        findings += _copy_findings(view, suite, definition, contents)
    return findings


def _copy_findings(view: View, suite: Suite, definition: Definition, contents: Contents) -> list[Finding]:
    newest = contents.newest_of(definition.name)
    if newest is None or definition.bootstrap is None:
        return []
    key, size, sha256 = definition.bootstrap.copy, newest.file_size, newest.sha256
    findings = _object_findings(view, suite, key, size, sha256, _COPY)
    info = adapters.bucket().head(key)
    wanted = {"package": newest.package_name, "version": newest.version, "sha256": sha256}
    if not findings and info is not None:
        said = [f"{name} {info.metadata.get(name, '')!r}" for name in wanted if info.metadata.get(name) != wanted[name]]
        if said:
            text = f"Its metadata says {', '.join(said)}; it is {newest.package_name} {newest.version}."
            findings = [Finding("copy_differs", key, text, Cure.PUBLISH, suite.name)]
    # A copy is made anew from the pool's file, whatever that holds: it is looked at even where no pool file is.
    path = newest.pool_path
    object_finding = file_problem(View(view.stored, None, view.now), path, size, sha256)
    if object_finding is not None and object_finding.discrepancy is Discrepancy.DIFFERS:
        findings.append(Finding("pool_differs", path, object_finding.text, Cure.RESTORE, record=newest.key))
    return findings


def _object_findings(
    view: View, suite: Suite, key: str, size: int, sha256: str, codes: dict[Discrepancy, str]
) -> list[Finding]:
    def check(reader: Reader) -> str:
        reading = reader.read(key, size)
        if reading.checksums.sha256 != sha256:
            return f"It has SHA256 {reading.checksums.sha256}, {sha256} is expected."
        wanted = content_type(key)
        if reading.content_type.replace(" ", "").lower() != wanted.replace(" ", "").lower():
            return f"Its content type is {reading.content_type!r}, not {wanted}."
        return ""

    object_finding = view.object_finding(key, check)
    if object_finding is None:
        return []
    cure = Cure.NONE if object_finding.discrepancy is Discrepancy.NOT_SERVED else Cure.PUBLISH
    return [Finding(codes[object_finding.discrepancy], key, object_finding.text, cure, suite.name)]
