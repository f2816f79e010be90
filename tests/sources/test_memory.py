"""What upstream's documents take of memory is bounded, whatever fills them: each is read by a process of its own."""

import json
import os
import sys
from contextlib import suppress

import pytest

from packages_app.core.errors import UpstreamError
from packages_app.sources.download import read_json

MIB = 1024 * 1024
LARGEST = 4 * MIB
MOST = 100 * MIB


def filled(unit, *, before="", size=LARGEST, most=sys.maxsize):
    """A list of one text over and over, as large as documents may be."""
    count = min((size - len(before.encode()) - 2) // len(unit.encode()), most)
    return f"[{before}{unit * count}".rstrip(",").encode() + b"]"


DOCUMENTS = {
    "lists": lambda: filled("[],", size=64 * MIB),
    "lists that are just taken": lambda: filled("[],", most=199_000),
    "objects": lambda: filled('{"a":1,"b":2,"c":3},', most=199_000),
    "names that differ": lambda: json.dumps([{f"k{n}": f"v{n}", f"l{n}": f"w{n}"} for n in range(95_000)]).encode(),
    "texts": lambda: filled('"ab",'),
    "fractions": lambda: filled("1.1,"),
    "escapes": lambda: filled("\\n", before='"')[:-1] + b'"]',
    "escapes that are replaced": lambda: filled("\\b", before='"')[:-1] + b'"]',
    "wide characters": lambda: filled('"abcdefgh",', before='"\U0001f600",'),
    "releases": lambda: json.dumps(
        {"releases": [{"version": f"1.{n}", "updateTo": {"url": f"https://a.example/{n}.deb"}} for n in range(300_000)]}
    ).encode(),
}  # fmt: skip


def peak():
    """The most memory that this process has had since it was last asked to forget it, in bytes (proc(5))."""
    with open("/proc/self/status") as status:
        [line] = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="asks Linux")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_takes_a_bounded_part_of_memory(name):
    body = DOCUMENTS[name]()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with open("/proc/self/clear_refs", "w") as forget:
                forget.write("5")
            before = peak()
            with suppress(UpstreamError):
                read_json("https://vendor.example.org/", body)
            os.write(writing, str(peak() - before).encode())
        finally:
            os._exit(0)
    os.close(writing)
    taken = int(os.read(reading, 100))
    os.close(reading)
    os.waitpid(child, 0)
    assert taken < MOST + len(body)
