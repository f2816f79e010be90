"""A Packages file comes apart at its blank lines, wherever it is cut while it is read."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages_app.adoption.index import stanzas_in
from packages_app.core.errors import RepositoryRefused

LINES = st.sampled_from((b"Package: a\n", b" more\n", b"\n", b" \n", b"\r\n", b"\x0b\t\x0c\n"))


def by_lines(text):
    stanzas = [b""]
    for line in text.splitlines(keepends=True):
        if line.strip():
            stanzas[-1] += line
        else:
            stanzas.append(b"")
    return [stanza.rstrip(b"\n") + b"\n" for stanza in stanzas if stanza]


@given(st.lists(LINES, max_size=10).map(b"".join), st.sampled_from((b"", b"Size: 1", b" ", b"\t\r")), st.integers(1, 9))
def test_stanzas_are_what_stands_between_blank_lines(text, end, bytes_at_once):
    text += end
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "Packages"
        plain.write_bytes(text)
        assert list(stanzas_in(plain, bytes_at_once=bytes_at_once)) == by_lines(text)


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\nPackage: b\n"])
def test_a_stanza_that_is_too_long_is_refused(tmp_path, end):
    plain = tmp_path / "Packages"
    plain.write_bytes(b"Package: a\n\nPackage: long\n" + b" more\n" * 800_000 + end)
    stanzas = stanzas_in(plain)
    assert next(stanzas) == b"Package: a\n"
    with pytest.raises(RepositoryRefused):
        next(stanzas)
