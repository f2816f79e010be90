"""Relations to other packages (Debian Policy 7.1) in a control paragraph."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages_app.core.errors import InvalidDeb
from packages_app.debian.control import ControlParagraph, check_control

PIECES = (
    "ab", "lib-c++1.0", "a", ":any", ":", " ", "\n ", "(", ">= ", "<<", "=", "<", "1.0~rc1+b", "1", "*", ")", "|", ",",
    "[", "amd64", "!i386", "]", "A", ".", " | ", ", ", " (>= 1.2)", "\t", "\u00a0",
)  # fmt: skip
SOUND = "\n".join(("tool:any (>= 1:2.0~rc1), libc6 (>> 2.34) | musl,", " awk:any | gawk , perl"))


def accepted(depends):
    fields = {
        "Package": "tool", "Version": "1.0", "Architecture": "all", "Maintainer": "M", "Description": "d",
        "Depends": depends,
    }  # fmt: skip
    try:
        check_control(ControlParagraph(tuple(fields.items())))
    except InvalidDeb:
        return False
    return True


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_a_field_is_sound_when_each_relation_of_it_is(depends):
    parts = [part.strip(" \t\n") for part in depends.replace("|", ",").split(",")]
    begins = depends.strip(" \t")[:1] != "\n"
    # Of the last one apt asks for more.
    sound = all(part and accepted(part if part is parts[-1] else f"{part}, x") for part in parts)
    says_nothing = not depends.strip(" \t")
    assert accepted(depends.strip(" \t")) is (says_nothing | (begins & sound))


def test_sound_and_unsound_fields():
    assert accepted(SOUND)
    assert accepted("tool (1.0), awk ( 2.0 )")  # both readers take it for `=`
    for unsound in (
        "tool (1)",
        "tool (>= )",
        "tool |",
        "tool | | awk",
        "Tool",
        "tool awk",
        "tool (>= 1.0",
        "(= 1)",
        "tool [amd64]",
        "tool []",
        "tool <!nocheck>",
        ", tool",
        "tool,, awk",
        "tool,",
        "\n tool",
        "tool (= v1)",
        "tool\u00a0",
        "tool (=1)",
        "tool (>= 2147483648:1)",
        "tool (>= 1-)",
        "tool:",
        "tool:a_b",
    ):
        assert not accepted(unsound), unsound


@pytest.mark.parametrize("long", ["a" * 200_000, "ab (>= 1" + " " * 200_000, "ab | " * 60_000, "ab" + " " * 200_000])
def test_a_long_field_is_looked_at_in_one_go(long):
    assert not accepted(f"{long}!")
