"""What a bootstrap package brings that is ours: the keyring, and a source file that names this repository with it."""

from __future__ import annotations

from django.conf import settings

from packages_app.services import adapters


def bootstrap_files(name: str) -> dict[str, bytes]:
    """Give the files of a sound bootstrap package by their paths, for `build_deb`."""
    keyring = f"usr/share/keyrings/{adapters.repository().keyring}.gpg"
    source = f"Types: deb\nURIs: {settings.PUBLIC_URL}\nSuites: stable\nComponents: main\nSigned-By: /{keyring}\n"
    return {
        keyring: adapters.signer().public_keyring(),
        f"etc/apt/sources.list.d/{name}.sources": source.encode(),
    }
