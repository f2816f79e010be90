"""The instructions page of the bucket's root, rendered (docs/REQUIREMENTS.md R16)."""

from __future__ import annotations

from collections.abc import Sequence

from django.template.loader import render_to_string

from packages_app.core.definition import Definition
from packages_app.core.repository import Repository
from packages_app.indexes.entry import IndexEntry
from packages_app.publishing.root import client_commands, origins_pattern, unprotected


def instructions_page(
    repository: Repository,
    public_url: str,
    bootstraps: Sequence[Definition],
    packages: Sequence[IndexEntry],
    *,
    more: bool,
    example: str,
    fingerprint: str,
) -> bytes:
    """Render the root's `index.html` with packages of the default suite.

    `more` says that these are not all, `example` is the package to install, "" for none.
    """
    suite = repository.default_suite
    bootstrap = bootstraps[0] if bootstraps else None
    context = {
        "repository": repository,
        "suite": suite,
        "public_url": public_url,
        "bootstrap": bootstrap,
        "example": example,
        "commands": client_commands(public_url, bootstrap, example),
        "unprotected": unprotected(public_url),
        "packages": packages,
        "unattended": origins_pattern(repository, suite),
        "more": more,
        "fingerprint": " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4)),
    }
    return render_to_string("instructions/index.html", context).encode()
