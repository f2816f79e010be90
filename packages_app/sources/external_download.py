"""`external_download`: a vendor's metadata endpoint, flat or nested, and the files it names.

See docs/REQUIREMENTS.md R4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urljoin, urlsplit

from packages_app.core.definition import Definition
from packages_app.core.errors import InvalidVersion, SignatureRefused, UpstreamError
from packages_app.core.ports import Progress
from packages_app.core.record import LONGEST_DATE, LONGEST_NOTES
from packages_app.core.setting_field import Kind, SettingField
from packages_app.core.version import version_key
from packages_app.core.yaml_reader import YamlReader
from packages_app.sources.checksum_files import plain_sha256
from packages_app.sources.download import Fetcher
from packages_app.sources.exchange import is_web_address, plain
from packages_app.sources.source import Fetched, Offer
from packages_app.sources.vendor_signature import Signed, check_vendor_signature, plain_fingerprint
from packages_app.sources.window import WINDOW_FIELDS, Window, read_window

POLICIES = ("required", "warn", "off")
_MIB = 1024 * 1024
_SMALL_FILE = _MIB
_LONGEST_ADDRESS = 4096
_MOST_RELEASES = 10_000
_LONGEST_SIZE = 18
_FIRST_MILLISECONDS = 10**11
"""As seconds the year 5138, as milliseconds 1973."""
_SHAPE_REMEDY = "Compare the endpoint's answer with docs: a flat document, or `releases` with `updateTo` entries."

_Named = tuple[str, str, Mapping[str, Any]]
"""A file of a version: its name, its address, and all that the document says of it."""


@dataclass(frozen=True)
class ExternalDownloadSettings:
    """`certificate` and `signature` end the names of the files beside the `.deb`; "" where there is none.

    `certificate_fingerprint` are those that certificates may have; none for the one that was met first.
    """

    endpoint: str
    certificate: str
    signature: str
    signature_policy: str
    certificate_fingerprint: tuple[str, ...]
    size_limit_mb: int
    window: Window


class ExternalDownload:
    """Asks an endpoint; takes every version on offer, or those that its settings say."""

    takes_uploads: ClassVar[bool] = False
    fields: ClassVar[tuple[SettingField, ...]] = (
        SettingField("endpoint", "Endpoint", "The whole https:// address of the vendor's JSON document."),
        SettingField("additional_files.certificate", "Certificate", "How the name of the certificate's file ends."),
        SettingField("additional_files.signature", "Signature", "How the name of the signature's file ends."),
        SettingField("signature_policy", "Signature policy", "Empty: required where there is a signature, else off.",
                     Kind.CHOICE, POLICIES),
        SettingField("certificate_fingerprint", "Pinned certificates", "SHA-256 fingerprints; empty: the one that "
                     "signed the first version taken in is trusted.", Kind.TEXTS),
        *WINDOW_FIELDS,
        SettingField("size_limit_mb", "Largest file in MiB", "Empty: 2048.", Kind.NUMBER),
    )  # fmt: skip

    def __init__(self, definition: Definition, fetcher: Fetcher) -> None:
        settings = definition.source_settings
        if not isinstance(settings, ExternalDownloadSettings):
            raise TypeError(f"{definition.name} has settings of another source type")
        self._name = definition.name
        self._packages = definition.names
        self._settings = settings
        self._fetcher = fetcher

    @staticmethod
    def read_settings(reader: YamlReader) -> ExternalDownloadSettings:
        """Take endpoint, additional_files, signature_policy, certificate_fingerprint, size_limit_mb, newest, since."""
        endpoint = reader.text("endpoint")
        if endpoint and not is_web_address(endpoint):
            reader.problem("endpoint", f"{endpoint!r} is no http(s) address.", "Write the whole https:// address.")
        files = reader.mapping("additional_files", required=False)
        certificate, signature = (files.text(name, required=False) for name in ("certificate", "signature"))
        files.finish()
        policy = reader.text("signature_policy", required=False, default="required" if signature else "off")
        if policy not in POLICIES:
            reader.problem("signature_policy", f"{policy!r} is not known.", f"Use one of: {', '.join(POLICIES)}.")
        pinned = reader.texts("certificate_fingerprint", required=False)
        for text in pinned:
            if not plain_fingerprint(text):
                reader.problem(
                    "certificate_fingerprint",
                    f"{text!r} is no SHA-256 fingerprint.",
                    "Write what `openssl x509 -noout -fingerprint -sha256 -in certificate.pem` prints.",
                )
        limit = reader.number("size_limit_mb", default=2048, least=1)
        pins = tuple(map(plain_fingerprint, pinned))
        window = read_window(reader)
        return ExternalDownloadSettings(endpoint, certificate, signature, policy, pins, limit, window)

    def offers(self, progress: Progress) -> list[Offer]:
        """Return every version on offer, oldest first; entries that make no sense are noted and passed over."""
        found, faults = self._read(self._fetcher.get_json(self._settings.endpoint))
        for fault in faults:
            progress.note(f"{self._name}: {fault}", level="warning")
        if faults and not found:
            raise UpstreamError(
                f"{plain(self._settings.endpoint)} offers nothing usable: {'; '.join(faults[:5])}.",
                remedy=_SHAPE_REMEDY,
            )
        found.sort(key=lambda offer: version_key(offer.version))
        return self._settings.window.marked(found, lambda offer: offer.version, self._name, progress)

    def _read(self, document: Any) -> tuple[list[Offer], list[str]]:
        """Return what a document offers, and what in it makes no sense; a list holds flat documents."""
        if isinstance(document, Mapping):
            return self._nested(document) if "releases" in document else self._flat(document)
        if not isinstance(document, list) or not any(isinstance(each, Mapping) for each in document):
            raise UpstreamError(
                f"{plain(self._settings.endpoint)} gave a {type(document).__name__}, neither an object nor a list of "
                "objects.",
                remedy=_SHAPE_REMEDY,
            )
        if any(isinstance(each, Mapping) and "updateTo" in each for each in document):
            return self._nested({"releases": document})
        if len(document) > _MOST_RELEASES:
            raise self._too_many(len(document))
        read = [
            self._flat(each) if isinstance(each, Mapping) else ([], [f"entry {number} is no object"])
            for number, each in enumerate(document)
        ]
        return [offer for found, _ in read for offer in found], [fault for _, faults in read for fault in faults]

    def _too_many(self, count: int) -> UpstreamError:
        return UpstreamError(
            f"{plain(self._settings.endpoint)} lists {count} releases.",
            remedy=f"Ask upstream for a document of the newest, at most {_MOST_RELEASES}; nothing was taken in.",
        )

    def _flat(self, document: Mapping[str, Any]) -> tuple[list[Offer], list[str]]:
        try:
            version = _version(document, "the document")
            url = self._url(_text(document, "url", "the document"))
            offer = Offer(version, _filename(url), url, **_details(document, "the document"))
            certificate, signature = (document.get(name) or "" for name in ("certificate", "signature"))
            urls = {"certificate_url": certificate, "signature_url": signature}
            absolute: dict[str, Any] = {
                name: self._url(value) for name, value in urls.items() if isinstance(value, str) and value
            }
            return [_sortable(replace(offer, **absolute))], []
        except _Misfit as fault:
            return [], [str(fault)]

    def _nested(self, document: Mapping[str, Any]) -> tuple[list[Offer], list[str]]:
        """Gather the files of each version, told apart by name, then make an offer of each version."""
        files: dict[str, list[_Named]] = {}
        faults: list[str] = []
        releases = document["releases"]
        if isinstance(releases, list) and len(releases) > _MOST_RELEASES:
            raise self._too_many(len(releases))
        for number, entry in enumerate(releases if isinstance(releases, list) else []):
            try:
                version, name, url, update = self._file(entry, f"releases[{number}]")
            except _Misfit as fault:
                faults.append(str(fault))
            else:
                files.setdefault(version, []).append((name, url, update))
        if not isinstance(releases, list) or not releases:
            faults.append("`releases` is no list, or an empty one")
        offers = []
        for version, named in files.items():
            try:
                offers += self._offers(version, named)
            except _Misfit as fault:
                faults.append(str(fault))
        current = document.get("currentRelease")
        if current and (isinstance(current, bool) or str(current).strip() not in files):
            faults.append(f"currentRelease {current!r} is not among the releases")
        return offers, faults

    def _file(self, entry: Any, where: str) -> tuple[str, str, str, Mapping[str, Any]]:
        if not isinstance(entry, Mapping):
            raise _Misfit(f"{where} is no object")
        update = entry.get("updateTo")
        if not isinstance(update, Mapping):
            raise _Misfit(f"{where} has no updateTo")
        version = _version(update if update.get("version") else entry, where)
        url = self._url(_text(update, "url", f"{where}.updateTo"))
        return version, _filename(url) or str(update.get("name", "")), url, update

    def _offers(self, version: str, named: list[_Named]) -> list[Offer]:
        """Return an offer for each package of a version: one a file, for several architectures."""
        packages = _ending(named, ".deb")
        if not packages:
            raise _Misfit(f"version {version} has no .deb")
        return [self._offer(version, named, url, update, len(packages) == 1) for url, update in packages.items()]

    def _offer(self, version: str, named: list[_Named], deb_url: str, update: Mapping[str, Any], alone: bool) -> Offer:
        def one(ending: str) -> str:
            found = _ending(named, ending)
            if not alone:  # the package's own: its name begins as the package's does
                stem = _filename(deb_url).removesuffix(".deb")
                found = {url: each for url, each in found.items() if _filename(url).startswith(stem)} or found
            if len(found) > 1:
                raise _Misfit(f"version {version} has {len(found)} files that end in {ending}")
            return next(iter(found), "")

        offer = Offer(version, _filename(deb_url), deb_url, **_details(update, f"version {version}"))
        certificate_url, signature_url = one(self._settings.certificate), one(self._settings.signature)
        return _sortable(replace(offer, certificate_url=certificate_url, signature_url=signature_url))

    def _url(self, url: str) -> str:
        try:
            absolute = urljoin(self._settings.endpoint, url)
        except ValueError:  # such as a bracket that begins no IPv6 address
            absolute = ""
        if not is_web_address(absolute) or len(url) > _LONGEST_ADDRESS:
            raise _Misfit(f"{url[:80]!r} is no http(s) address")
        return absolute

    def fetch(self, offer: Offer, folder: Path, progress: Progress) -> Fetched:
        """Download an offer and check the vendor's signature, as the policy says."""
        path = folder / "package.deb"
        checksums = self._fetcher.download(
            offer.deb_url,
            path,
            limit_bytes=self._settings.size_limit_mb * _MIB,
            expected_size=offer.size,
            expected_sha256=offer.sha256,
            progress=progress,
        )
        signed = None
        if self._settings.signature_policy != "off":
            try:
                signed = self._check_signature(offer, checksums.sha256)
                progress.note(signed.by)
            except SignatureRefused as refused:
                if self._settings.signature_policy == "required":
                    raise
                progress.note(f"{self._name} {offer.version}: {refused.message}", level="warning")
        return Fetched(path, checksums, signed.fingerprint if signed else "")

    def _check_signature(self, offer: Offer, sha256: str) -> Signed:
        missing = [
            name
            for name, url in (("certificate", offer.certificate_url), ("signature", offer.signature_url))
            if not url
        ]
        if missing:
            raise SignatureRefused(
                f"{self._name} {offer.version} has no {' and no '.join(missing)}.",
                remedy="Ask upstream for it, or set signature_policy to warn in the definition.",
            )
        certificate, signature = (
            self._fetcher.get_bytes(url, limit_bytes=_SMALL_FILE)
            for url in (offer.certificate_url, offer.signature_url)
        )
        return check_vendor_signature(
            sha256,
            certificate,
            signature,
            pinned=self._settings.certificate_fingerprint,
            known={known for name in self._packages for known in self._fetcher.certificates_of(name)},
            now=self._fetcher.clock(),
        )


class _Misfit(Exception):
    """What is wrong with one entry of the document."""


def _text(values: Mapping[str, Any], name: str, where: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _Misfit(f"{where} has no {name}")
    return value.strip()


def _version(values: Mapping[str, Any], where: str) -> str:
    """Take a version, which some write as a number."""
    value = values.get("version")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(values, "version", where)


def _ending(named: list[_Named], ending: str) -> dict[str, Mapping[str, Any]]:
    """Return the files whose name ends so, by their addresses; none for an empty ending."""
    return {
        url: update
        for name, url, update in named
        if ending and (name.endswith(ending) or str(update.get("name", "")).endswith(ending))
    }


def _details(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Take the optional fields of an offer."""
    size, notes, date = (values.get(name) for name in ("size", "notes", "pub_date"))
    if isinstance(size, str) and (digits := size.strip().removesuffix(".0")).isascii() and digits.isdigit():
        size = int(digits) if len(digits) <= _LONGEST_SIZE else -1
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise _Misfit(f"{where} has the size {size!r}")
    if isinstance(notes, list):
        notes = "\n".join(map(str, notes))
    if isinstance(date, int) and not isinstance(date, bool):  # seconds since 1970, or milliseconds as JavaScript has
        date = _moment_of(date if abs(date) < _FIRST_MILLISECONDS else date // 1000, where)
    sha256 = plain_sha256(str(values.get("sha256") or ""))
    return {
        "notes": str(notes or "")[:LONGEST_NOTES],
        "pub_date": str(date or "")[:LONGEST_DATE],
        "sha256": sha256,
        "size": size,
    }


def _moment_of(seconds: int, where: str) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, OSError, ValueError) as error:
        raise _Misfit(f"{where} has the date {seconds}") from error


def _sortable(offer: Offer) -> Offer:
    try:
        version_key(offer.version)
    except InvalidVersion as error:
        raise _Misfit(f"version {offer.version[:60]!r} is no Debian version") from error
    return offer


def _filename(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])
