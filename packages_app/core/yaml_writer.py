"""The one way in which we write YAML: the same values are the same text, and `core/yaml_reader.py` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

_FIRST = (
    "name", "codename", "version", "origin", "label", "description", "maintainer", "homepage", "section", "priority",
    "architecture", "depends", "enabled", "keyring", "snapshots_address", "uri", "suite", "suites", "component",
    "components", "architectures", "type",
)  # fmt: skip
_LAST = ("bootstrap", "source")


class _Writer(yaml.SafeDumper):
    """Short lists on a line, mappings as lines; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True: what stands twice is written twice."""
        return True

    def represent_list(self, data: Any) -> yaml.SequenceNode:
        """Return a list on one line, unless it is one of mappings or lists."""
        plain = not any(isinstance(item, dict | list) for item in data)
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=plain)


_Writer.add_representer(list, _Writer.represent_list)


def written_yaml(values: Mapping[str, Any]) -> str:
    """Return a mapping as YAML, its fields in one order: those that are known first, `source` last."""
    return yaml.dump(_ordered(values), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=100)


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _ordered(value[name]) for name in sorted(value, key=_place)}
    return [_ordered(item) for item in value] if isinstance(value, list | tuple) else value


def _place(name: str) -> tuple[int, str]:
    if name in _FIRST:
        return _FIRST.index(name), ""
    return len(_FIRST) + 1 + (_LAST.index(name) + 1 if name in _LAST else 0), name
