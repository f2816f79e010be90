"""What of the upstreams is taken on trust: told by the doctor, since nothing fails until it is abused."""

from __future__ import annotations

from packages_app.core.caution import HTTP
from packages_app.core.definition import Definition, Definitions
from packages_app.core.private_upstreams import PrivateUpstreams
from packages_app.core.redaction import redact
from packages_app.sources.connections import may_be_fetched
from packages_app.sources.external_download import ExternalDownloadSettings
from packages_app.sources.github_release import GitHubReleaseSettings


def taken_on_trust(definitions: Definitions) -> list[str]:
    """Return sentences about enabled definitions whose vendor's certificate is not pinned, or that allow http."""
    enabled = [definition for definition in definitions.by_name.values() if definition.enabled]
    unpinned = [definition.name for definition in enabled if _is_unpinned(definition)]
    over_http = [definition.name for definition in enabled if HTTP in definition.allow]
    said = []
    if unpinned:
        said.append(
            f"not pinned (certificate_fingerprint), the certificate met first is trusted: {', '.join(unpinned)}"
        )
    if over_http:
        said.append(f"fetched over http, where anybody on the way can change it: {', '.join(over_http)}")
    return said


def refused_over_http(definitions: Definitions, allowed: PrivateUpstreams) -> list[str]:
    """Return the enabled definitions, with their addresses, that intake refuses to fetch since they are http ones."""
    found = []
    for definition in definitions.by_name.values():
        source = definition.source_settings
        if isinstance(source, ExternalDownloadSettings):
            address = source.endpoint
        elif isinstance(source, GitHubReleaseSettings):
            address = source.api
        else:
            continue
        if definition.enabled and HTTP not in definition.allow and not may_be_fetched(address, allowed):
            found.append(f"{definition.name} ({redact(address)})")
    return found


def _is_unpinned(definition: Definition) -> bool:
    settings = definition.source_settings
    if not isinstance(settings, ExternalDownloadSettings) or settings.signature_policy == "off":
        return False
    return not settings.certificate_fingerprint
