"""The record that a file is to have, made of what the file, its definition and upstream say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from packages_app.core.built_from import with_built_from
from packages_app.core.caution import Caution, kept_with_record
from packages_app.core.checksums import Checksums
from packages_app.core.hand_made import made_by_hand
from packages_app.core.layout import deb_filename, pool_path
from packages_app.core.record import LONGEST_DATE, LONGEST_NOTES, PackageRecord
from packages_app.core.rollout import begun, with_rollouts
from packages_app.core.storable_text import storable
from packages_app.debian.deb_file import DebContents
from packages_app.debian.stanza import record_fields_of
from packages_app.services import adapters
from packages_app.services.intake.admit import Admitted


@dataclass(frozen=True)
class Provenance:
    """Where a file came from: what upstream said of it, nothing for an upload or a build.

    `certificate` is the fingerprint of the certificate whose signature was checked. `who` and `way` say in its history
    who brought it, and how; `built_from` what an identity provider vouched for, nothing as a rule.
    """

    deb_url: str = ""
    certificate_url: str = ""
    signature_url: str = ""
    notes: str = ""
    pub_date: str = ""
    certificate: str = ""
    who: str = "intake"
    way: str = "upload"
    built_from: Mapping[str, str] = field(default_factory=dict)


_OF_THE_DEFINITION = ("maintainer", "section", "priority", "homepage", "description")
UPLOADED = Provenance()
"""What is said of a file that came from a person or was built here."""


def new_record(
    contents: DebContents,
    checksums: Checksums,
    admitted: Admitted,
    provenance: Provenance,
    cautions: Iterable[Caution],
) -> PackageRecord:
    """Return the record: the control paragraph decides, the definition fills in what it lacks of the other fields."""
    definition, destination = admitted.definition, admitted.destination
    fields = record_fields_of(contents.control)
    filename = deb_filename(fields["package_name"], fields["version"], fields["architecture"])
    fields |= {name: getattr(definition, name) for name in _OF_THE_DEFINITION if not fields[name]}
    record = PackageRecord(
        **fields,
        package_type=definition.source_type,
        component=destination.component,
        suites=destination.suites,
        deb_url=storable(provenance.deb_url),
        certificate_url=storable(provenance.certificate_url),
        signature_url=storable(provenance.signature_url),
        notes=storable(provenance.notes, LONGEST_NOTES),
        pub_date=storable(provenance.pub_date, LONGEST_DATE),
        actual_filename=filename,
        pool_path=pool_path(destination.component, fields["package_name"], filename, destination.build),
        file_size=checksums.size,
        md5_hash=checksums.md5,
        sha1_hash=checksums.sha1,
        sha256_hash=checksums.sha256,
        sha512_hash=checksums.sha512,
        processed_timestamp=(now := adapters.now()).isoformat(timespec="seconds"),
        control=contents.control_text,
        other_fields=kept_with_record(cautions, provenance.certificate),
        build=destination.build,
    )
    record = with_built_from(record, provenance.built_from)
    if admitted.by_hand:
        record = made_by_hand(record, provenance.who)
    if not destination.rollout:
        return record
    return with_rollouts(record, dict.fromkeys(record.suites, begun(destination.rollout, now)))
