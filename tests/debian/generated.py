"""Relations and control paragraphs made at random: of what is right, and of what is changed a little from it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

_NAMES = (
    "libc6",
    "a0",
    "lib-c++1.0",
    "python3",
    "x.y",
    "Tool",
    "a_b",
    "Libc6",
    "9base",
    "-x",
    "+a",
    "é",
    "a" * 300,
    "b" * 254,
    "",
)
_ARCHITECTURES = ("any", "amd64", "i386", "native", "all", "", "AMD64", "a_b", "x32", "any-amd64", "é", "a" * 70)
_OPERATORS = ("<<", "<=", "=", ">=", ">>", "<", ">", "", "==", "=>", "><", "!=", "~")
_VERSIONS = (
    "1", "1.0", "1:2.0-1", "2.36-9+deb12u4", "1.0~rc1+b", "v1", "", "1.0-", "-1", ":1", "0:0", "1:", "1:2:3", "1:2-3:4",
    "2147483647:1", "2147483648:1", "99999999999:1", "a:1", "1_0", "1 0", "1.0--1", "1-2-3", "1\u00a0", "é", "1" * 256,
    "1" * 300, "+1:2", "00001:1", "1/2", "1.", "~1", "1:v2", "1.0-1~", "1:1-", "0", "(1", "1)", "1\n", "\t1",
    "1" * 241 + "-1",
)  # fmt: skip
_BLANKS = (" ", "  ", "\n ", "\t", "", "\u00a0", "\v", "\f", "\r", "\u2003", "\x85")
_SEPARATORS = (", ", ",", " , ", ",\n ", " | ", "|", ",,", " ", ";", "\u00a0,")
_TAILS = ("", "", "", "", " [amd64]", " [!i386]", " <!nocheck>", " []", ",", ", ", "|", " x", "(", ")", "(= 1)", "*")


def relations(chance: random.Random) -> str:
    """Give the text of a relation field; a good part of them is sound."""
    odd = chance.random() < 0.5
    members = [_relation(chance, odd=odd and chance.random() < 0.4) for _ in range(chance.choice((1, 1, 2, 3, 5, 9)))]
    usual: Sequence[str] = _SEPARATORS[:6] if chance.random() < 0.5 else _SEPARATORS[:4]
    text = members[0]
    for member in members[1:]:
        text += chance.choice(_SEPARATORS if odd and chance.random() < 0.2 else usual) + member
    return changed(chance, text) if odd and chance.random() < 0.4 else text


def _relation(chance: random.Random, *, odd: bool) -> str:
    def some(values: Sequence[str], sound: int) -> str:
        return chance.choice(values if odd else values[:sound])

    text = some(_NAMES, 5)
    if chance.random() < 0.2:
        text += ":" + some(_ARCHITECTURES, 4)
    if chance.random() < 0.5:
        blank, inner = some(_BLANKS, 5), some(_BLANKS, 5)
        text += f"{blank}({some(_BLANKS, 5)}{some(_OPERATORS, 8)}{inner}{some(_VERSIONS, 5)}{some(_BLANKS, 5)})"
    return text + (chance.choice(_TAILS) if odd else "")


def changed(chance: random.Random, text: str) -> str:
    """Give a text with up to three places changed: a character put in, taken away, or doubled."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(text))
        put = chance.choice(
            ("", "", " ", "\n ", ",", "|", "(", ")", "[", "]", "<", ">", "=", ":", "-", "é", "\u00a0", "0", "A")
        )
        text = text[:at] + put + text[at + chance.randint(0, 1) :]
    return text


_FIELDS: dict[str, tuple[str, ...]] = {
    "Package": (),
    "Version": ("1.0", "1:2.0-1", "v1", "1.0-", "", "1_0", " 1.0", "1.0 ", "1.0 x", "\n 1.0", "2147483648:1", "0~"),
    "Architecture": ("all", "amd64", "any", "amd64 i386", "", "AMD64", "all\u00a0", "\n all"),
    "Maintainer": ("M <m@example.org>", "", "é", "two\n lines", "\x0b", "x\x1by", "\n folded"),
    "Description": ("d", "", "d\n long\n .\n  more", "\n long", "x\u2028y", "x\x85y\x07", "d\n \x0b", "d\n\tx"),
    "Section": ("utils", "\n utils\v", "", "x" * 255, "x" * 256, "a\n b", "é", "x" * 70000, "\u00a0", "a\tb"),
    "Priority": ("optional", "Optional", "optionalx", "optional x", "odd", "", "\n optional", "x" * 65, "unknown", "é"),
    "Source": ("tool", "tool (1.0)", "a b c", "(1)", "x" * 1001, "é", "a\n (1)", "tool (1.0", "tool ()", ""),
    "Installed-Size": (
        "4", "\n 5", "706.0", "-1", "x", "", "9" * 40, "4 KB", "\u0663", "0x10", "4\n 5", "9" * 13,
        "unknown", "+5",
    ),
    "Essential": ("no", "yes", "No", "maybe", "", "yes x", "\n no", "true", "0", "no\u00a0"),
    "Protected": ("no", "YES", "1", "off"),
    "Important": ("no", "yes", "x", ""),
    "Multi-Arch": ("no", "foreign", "allowed", "same", "Same", "", "maybe", "same x", "\n same"),
    "Phased-Update-Percentage": ("0", "100", "101", "-1", "x", "50.5", "100.9", "\n 5", "9" * 30, "", "010"),
    "Status": ("install ok installed", ""),
    "Config-Version": ("1.0",),
    "Conffiles": (
        "\n /etc/x 0123", "/etc/x 0", "", "\n /etc/x", "\n\t/etc/x 0", "\n  x y obsolete", "\n / 0",
        "\n /e f remove-on-upgrade",
    ),
    "Filename": ("x.deb", "", "a b"),
    "Size": ("1", "", "1 2"),
    "MD5sum": ("0" * 32, "", "a b"),
    "MSDOS-Filename": ("x", "x y"),
    "SHA256": ("0" * 64, "x"),
    "Checksum-FileSize": ("1", "9" * 30),
    "Description-md5": ("0" * 32, "x"),
    "Triggers-Pending": ("x", ""),
    "Triggers-Awaited": ("x",),
    "Revision": ("1", ""),
    "Package-Revision": ("2",),
    "Package_Revision": ("2",),
    "Recommended": ("x",),
    "Optional": ("x",),
    "Class": ("optional", "x"),
    "Origin": ("x", "", "x\n y"),
    "Bugs": ("debbugs://x", ""),
    "Tag": ("\n a::b,\n c::d", "x", ""),
    "Task": ("x",),
    "Homepage": ("https://example.org/", "a\n b", "\u00a0"),
    "Built-Using": ("\n gcc-12 (= 12.2.0-14)", "x [y]", ""),
    "Package-Type": ("deb", "udeb", "x"),
    "X": ("one letter",),
    "X-Note": ("\n kept", "", "x", "é\u00a0"),
    "#X": ("x",),
    "-X": ("x",),
    "Gr\u00f6\u00dfe": ("x",),
    "Description-de": ("d", "\n x"),
}  # fmt: skip
_RELATIONS = (
    "Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts", "Provides", "Replaces",
)  # fmt: skip
_LINES = (
    "",
    " ",
    "\t",
    " more",
    "\x0bodd",
    "\r",
    "X",
    "X :y",
    ": x",
    "#c",
    "Package: other",
    " .",
    "\x00",
    "\x1a",
    "\u00a0",
)
_ENDS = (
    "\n",
    "\n",
    "\n",
    "\n",
    "\n",
    "\n\n",
    "",
    " \n",
    "\n\n\n",
    "\nX-Last:\n",
    "\nX-Last: y",
    "\n \n",
    "\nX-Last: \n ",
)


_BEFORE_COLON = ("",) * 25 + (" ", "\t", "\v", "\f", " \f ")
_BEHIND_COLON = (" ",) * 12 + ("", "", "", "  ", "  ", "\t", "\v", "\f", " \v")
_BEHIND_VALUE = ("",) * 25 + (" ", "\t", "\v", "\f", " \f")


def control_text(chance: random.Random, name: str, relation: Callable[[random.Random], str] = relations) -> str:
    """Give the text of a control file of a package with a name; a good part of them is sound."""
    fields = {
        "Package": name,
        "Version": "1.0",
        "Architecture": "all",
        "Maintainer": "M <m@example.org>",
        "Description": "d",
    }
    if chance.random() < 0.1:
        del fields[chance.choice(tuple(fields))]
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        field = chance.choice(tuple(_FIELDS))
        if _FIELDS[field]:
            fields[field] = chance.choice(_FIELDS[field])
    for field in chance.sample(_RELATIONS, chance.choice((0, 0, 1, 2))):
        fields[field] = relation(chance)
    lines = [
        f"{field}{chance.choice(_BEFORE_COLON)}:{chance.choice(_BEHIND_COLON)}{value}{chance.choice(_BEHIND_VALUE)}"
        for field, value in fields.items()
    ]
    if chance.random() < 0.3:
        chance.shuffle(lines)
    if chance.random() < 0.15:
        lines.insert(chance.randint(0, len(lines)), chance.choice(_LINES))
    return "\n".join(lines) + chance.choice(_ENDS if chance.random() < 0.3 else _ENDS[:1])
