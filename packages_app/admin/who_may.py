"""Who may upload a package, as its page and that of its definition show it."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from packages_app.services.access.who_may import Uploader, who_may_upload

_SHOWN = 50


def uploaders_of(package: str) -> SafeString:
    """Return who may upload a package, each with the rights that let it."""
    found = who_may_upload(package)
    if not found.actions:
        return SafeString("nobody: no definition in use is of it")
    people = [(one, one.name) for one in found.people]
    groups = [(one, f"group {one.name}, {one.members} people") for one in found.groups]
    tokens = [(one, f"token {one.name} of {one.owner or 'no person'}") for one in found.tokens]
    trusted = [(one, f"trusted publisher {one.name}") for one in found.publishers]
    rows = [*_lines(people), *_lines(groups), *_lines(tokens), *_lines(trusted)]
    if not any(rows):
        return SafeString("nobody")
    return format_html('<ul class="rm-list">{}</ul>', format_html_join("", "{}", ((row,) for row in rows)))


def _lines(named: list[tuple[Uploader, str]]) -> Iterable[SafeString]:
    lines = [(name, ", ".join(one.through)) for one, name in named[:_SHOWN]]
    yield format_html_join("", '<li>{} <span class="rm-soft">({})</span></li>', lines)
    if len(named) > _SHOWN:
        yield format_html("<li>and {} more</li>", len(named) - _SHOWN)
