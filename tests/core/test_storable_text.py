"""Text from outside as every database keeps it."""

import json

import pytest

from packages_app.core.storable_text import REPLACEMENT, storable, storable_json


@pytest.mark.parametrize("character", ["\x00", chr(0xD800), chr(0xDFFF)])
def test_what_no_database_holds_is_replaced(character):
    assert storable(f"a{character}ü{character}") == f"a{REPLACEMENT}ü{REPLACEMENT}"
    assert storable_json({character: [character, 1, None]}) == {REPLACEMENT: [REPLACEMENT, 1, None]}


@pytest.mark.parametrize("text", ["", "plain\n\ttext\x01\x7f", "ünï \N{GRINNING FACE}", json.loads('"\\ud83d\\ude00"')])
def test_all_other_text_stays(text):
    assert storable(text) == text == text.encode().decode()


def test_a_text_is_cut_to_characters():
    assert storable("üüü\x00", 4) == f"üüü{REPLACEMENT}"
    assert storable("üüü\x00", 2) == "üü"
