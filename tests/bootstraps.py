"""What a bootstrap package brings that is ours: the keyring, and a source file that names this repository with it."""

from __future__ import annotations

from django.conf import settings

from packages_app.services import adapters


def bootstrap_files(name: str) -> dict[str, bytes]:
    """Give the files of a sound bootstrap package by their paths, for `build_deb`."""
    return files_of(name, settings.PUBLIC_URL, adapters.repository().keyring, adapters.signer().public_keyring())


def files_of(name: str, public_url: str, keyring_name: str, keyring: bytes) -> dict[str, bytes]:
    """Give the same of a repository whose address and keyring are known."""
    path = f"usr/share/keyrings/{keyring_name}.gpg"
    source = f"Types: deb\nURIs: {public_url}\nSuites: stable\nComponents: main\nSigned-By: /{path}\n"
    return {path: keyring, f"etc/apt/sources.list.d/{name}.sources": source.encode()}
