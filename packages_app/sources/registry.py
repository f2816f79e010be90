"""The source types that are installed, found through entry points."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

import structlog

from packages_app.core.definition import SettingsReader
from packages_app.sources.source import Source

GROUP = "repomgr.sources"

log = structlog.get_logger(__name__)


@cache
def source_types() -> Mapping[str, type[Source]]:
    """Return the class of each source type by its name; a plug-in that can't be imported is logged and left out."""
    types: dict[str, type[Source]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            types[entry.name] = entry.load()
        except Exception:  # somebody else's code
            log.exception("source_type_unusable", source_type=entry.name, module=entry.value)
    return types


def settings_readers() -> Mapping[str, SettingsReader]:
    """Return what reads the settings of each source type."""
    return {name: source.read_settings for name, source in source_types().items()}
