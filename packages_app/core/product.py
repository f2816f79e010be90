"""The product's version: that of pyproject.toml, which is in every checkout and image."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

_FILE = Path(__file__).resolve().parents[2] / "pyproject.toml"


@cache
def product_version() -> str:
    """Return the version as MAJOR.MINOR.PATCH; where there is no pyproject.toml, that of what is installed."""
    try:
        text = _FILE.read_text(encoding="utf-8")
    except FileNotFoundError:
        return version("repomgr")
    return str(tomllib.loads(text)["project"]["version"])
