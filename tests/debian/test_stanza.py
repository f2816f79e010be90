"""Stanzas of foreign indexes, read in one go, say what a look at each of their lines says."""

from hypothesis import example, given
from hypothesis import strategies as st

from packages_app.debian.stanza import parse_stanzas, parsed_stanza

LINES = st.one_of(
    st.builds(
        "{}:{}{}".format,
        st.sampled_from(("Package", "package", "Depends", "Description", "Size", "SHA256", "Conffiles", "X-Own")),
        st.sampled_from(("", " ", "\t", "\x0b")),
        st.sampled_from(("", "tool", "a: b ", "é\u2003", "\r")),
    ),
    st.sampled_from((" more", "\tmore ", " .", "", " ", "no field", ":", ": x", "A b: c", "\u2003X: y", "\x0bX: y")),
)


def control_of(text):
    """The lines of the fields that a control paragraph may have."""
    of_the_index = ("size", "sha256", "conffiles")
    fields = []
    for line in text.split("\n"):
        if line and line[0] in " \t" and fields:
            fields[-1].append(line)
        else:
            fields.append([line])
    kept = []
    for lines in fields:
        name, _, value = "\n".join(lines).partition(":")
        if name.lower() not in of_the_index and value.strip(" \t\n"):
            kept += lines
    return "\n".join(kept)


@given(st.lists(LINES, max_size=8).map("\n".join))
@example("Package: tool\nSize: 1\nDescription:\n long\nSHA256:\n 0\nEmpty:\nHomepage: x \n")
@example("Package: tool\npackage: other")
def test_a_stanza_says_what_its_lines_say(text):
    said, control = parsed_stanza(text)
    first = next(parse_stanzas(text.rstrip("\n").encode()), {})
    assert said == {name.lower(): first[name] for name in first}
    assert control == control_of(text.rstrip("\n"))
