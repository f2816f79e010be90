"""Commands called as `manage.py` calls them."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError


def call(name: str, *arguments: object) -> str:
    """Run a command; gives what it printed."""
    out = io.StringIO()
    call_command(name, *map(str, arguments), stdout=out, stderr=out)
    return out.getvalue()


class Refusal(str):
    """What a command said when it failed, with its exit code and the code of its error ("" when it has none)."""

    returncode: int
    code: str


def refused(name: str, *arguments: object) -> Refusal:
    """Run a command that must fail; gives what it said."""
    with pytest.raises(CommandError) as ended:
        call(name, *arguments)
    refusal = Refusal(ended.value)
    refusal.returncode = ended.value.returncode
    coded = re.match(r"(\w+): ", refusal)
    refusal.code = coded.group(1) if coded else ""
    assert refusal.returncode in (1, 2, 75)
    return refusal
