"""What mkdocs takes besides the files of docs/: the root's pages, and the reference that the code makes of itself.

Links are written as they work in the repository; those between the root and docs/ are led to the site's pages.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

import django
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "CHANGELOG.md": "project/changelog.md",
}
_ORIGINS = {page: path for path, page in ROOT_PAGES.items()}
_DOCS = "docs/"
_LINK = re.compile(r"(?<=\]\()([^)#:\s]+)")
"""The path of a link's or a picture's target within the repository."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files of docs/."""
    root = Path(config.config_file_path).parent
    for path, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(root / path)))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")
    django.setup()
    from repomgr import reference

    pages = {
        "settings": reference.settings_page,
        "commands": reference.commands_page,
        "errors": reference.errors_page,
    }
    for name, made in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=made()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links between the root and docs/ to the site's pages."""
    here = page.file.src_uri
    origin = _ORIGINS.get(here, _DOCS + here)

    def on_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link[1]))
        place = ROOT_PAGES.get(target) or (target.removeprefix(_DOCS) if target.startswith(_DOCS) else None)
        return link[1] if place is None else posixpath.relpath(place, posixpath.dirname(here) or ".")

    return _LINK.sub(on_site, markdown)
