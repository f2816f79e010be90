"""No pattern of ours goes back over what it has read: strangers choose the texts."""

from __future__ import annotations

import os
import re
import resource
import signal
from time import process_time

import pytest

from tests.patterns import Used, patterns_used, texts_against

SIZE = 60_000
"""Characters: at that size one that goes back needs many seconds, and a linear one milliseconds."""
SECONDS = 2
SHORT, SHORT_SECONDS = 4_000, 0.003
"""One that needs `SECONDS` for a text of `SIZE` needs 9 ms or more for one of this length, a linear one 0.1 ms."""


def dies_of(used: Used) -> str:
    """Try a pattern in a process that ends when it has had its processor time; gives the text's start, or ""."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        compiled = re.compile(used.pattern, used.flags)
        look = compiled.search if used.anywhere else compiled.match
        for short, text in zip(texts_against(used, SHORT), texts_against(used, SIZE), strict=True):
            spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
            resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + 1 + SECONDS, resource.RLIM_INFINITY))
            os.write(writing, f"{text[:30]!r}…{text[-4:]!r}".encode().ljust(400)[:400])
            began = process_time()
            look(short)  # type: ignore[arg-type]
            if process_time() - began >= SHORT_SECONDS:
                look(text)  # type: ignore[arg-type]
        os._exit(0)
    os.close(writing)
    said = b""
    while chunk := os.read(reading, 65536):
        said = (said + chunk)[-400:]
    os.close(reading)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGXCPU)
    return said.decode("utf-8", "replace").strip() if os.WIFSIGNALED(status) else ""


PATTERNS = patterns_used()


def test_the_patterns_are_found():
    places = {used.place for used in PATTERNS}
    assert {"packages_app.core.redaction._QUERY", "packages_app.indexes.entry._FIELDS"} <= places
    assert len(places) > 60


@pytest.mark.parametrize("used", PATTERNS, ids=[used.place for used in PATTERNS])
def test_a_text_that_is_made_for_it_holds_no_pattern_up(used):
    assert dies_of(used) == ""
