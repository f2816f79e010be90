"""What is taken leaves dpkg's own records readable: it is installed, then another package, then it is once again.

dpkg unpacks some packages that nobody can be rid of: over what it noted of them every later dpkg ends, whatever it is
to do, or it waits for a pipe's end. Its `--unpack`, which the other tests ask, says nothing of it.
"""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.debian.parts import BINARY, CONTROL, DATA, END, deb, entry
from tests.debian.readers import look
from tests.debs import ar_archive, tar_archive

pytestmark = pytest.mark.outside

FORCED = "depends,unsafe-io,not-root,script-chrootless,bad-path,confnew"
ETC = entry(b"./", kind=b"5") + entry(b"./etc/", kind=b"5")
FILE = ETC + entry(b"./etc/x", b"x")
OTHER = b"Package: other\nVersion: 1\nArchitecture: all\nMaintainer: M <m@example.org>\nDescription: a tool\n"


def linking(name, target):
    """Give a symbolic link whose target may be longer than a header holds."""
    long = entry(b"././@LongLink", target + b"\0", kind=b"K") if len(target) > 100 else b""
    return long + entry(name, kind=b"2", link=target)


def package(data=FILE, **files):
    """Give a package of all architectures with files in its control member."""
    members = {"./control": CONTROL.replace(b"amd64", b"all"), **{f"./{name}": body for name, body in files.items()}}
    return ar_archive(BINARY, ("control.tar", tar_archive(members)), ("data.tar", data + END))


NAMES = (b"/", b"//", b"/.", b"./", b".", b"./.", b".//", b"/./", b"././", b"./././/")
TARGETS = (b"q" * 255, b"q" * 256, b"/" + b"q" * 256 + b"/x", b"q/" * 2040, b"/" * 4000)
PATHS = (
    b"/", b"//", b"/./", b"/ ", b"/\f", b"/.", b"remove-on-upgrade /", b"remove-on-upgrade //", b"/a", b"/ x",
    b"/etc/x obsolete", b"/etc/x remove-on-upgrade", b"/etc/a\tb", b"/etc/a\rb", b"/etc/a\x1ab", b"/etc/\xff",
    b"/etc//x", b"/etc/./x", b"/etc/x/../y", b"/etc/x/y", b"/etc", b"/" + b"x" * 245, b"/" + b"x" * 248,
    b"/etc/x\n/etc/x",
)  # fmt: skip
TRIGGERS = (
    b"interest File", b"interest Unincorp", b"interest-noawait File", b"interest Files", b"interest file",
    b"interest FOO", b"interest File.new", b"interest /", b"interest /a/", b"interest /File", b"interest z\nactivate z",
    b"interest a\ninterest-noawait a",
)  # fmt: skip
CASES = {
    **{f"a folder called {name.decode()}": package(entry(name, kind=b"5") + FILE) for name in NAMES},
    **{f"a link to {len(to)} bytes, {to[:3]!r}": package(ETC + linking(b"./etc/l", to)) for to in TARGETS},
    **{f"conffiles {path!r}": package(conffiles=path + b"\n") for path in PATHS},
    **{f"triggers {directive!r}": package(triggers=directive + b"\n") for directive in TRIGGERS},
    "a folder as conffile": package(ETC + entry(b"./etc/x/", kind=b"5"), conffiles=b"/etc/x\n"),
    "a link as conffile": package(ETC + entry(b"./etc/x", kind=b"2", link=b"y"), conffiles=b"/etc/x\n"),
    "a link to itself as conffile": package(ETC + entry(b"./etc/x", kind=b"2", link=b"x"), conffiles=b"/etc/x\n"),
    "a link to /dev/null as conffile": package(
        ETC + entry(b"./etc/x", kind=b"2", link=b"/dev/null"), conffiles=b"/etc/x\n"
    ),
    "a link to a folder as conffile": package(
        ETC + entry(b"./etc/d/", kind=b"5") + entry(b"./etc/x", kind=b"2", link=b"d"), conffiles=b"/etc/x\n"
    ),
}  # fmt: skip


def is_lived_with(root, path, other):
    """Say whether dpkg installs a package, then another one, then the first once again, in a root of their own."""
    for name in ("info", "updates", "triggers"):
        (root / "var/lib/dpkg" / name).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    (root / "usr").mkdir()
    command = ["dpkg", f"--root={root}", f"--force-{FORCED}", "--install"]
    return not any(
        subprocess.run(
            [*command, str(one)], env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, check=False
        ).returncode
        for one in (path, other, path)
    )


def test_what_is_taken_leaves_dpkg_able_to_go_on(tmp_path):
    other = tmp_path / "other.deb"
    other.write_bytes(deb(tar_archive({"./control": OTHER}), data=DATA))

    def judge(number_and_body):
        number, body = number_and_body
        path = tmp_path / f"{number}.deb"
        path.write_bytes(body)
        return look(path) == "taken", is_lived_with(tmp_path / f"root{number}", path, other)

    with ThreadPoolExecutor(4) as pool:
        said = dict(zip(CASES, pool.map(judge, enumerate(CASES.values())), strict=True))
    assert {name for name, (ours, theirs) in said.items() if ours is not theirs} == set()
    assert {ours for ours, _ in said.values()} == {True, False}


ENDLESS = {
    "a pipe": entry(b"./etc/x", kind=b"6"),
    "a device": entry(b"./etc/x", kind=b"3"),
    "a link to a pipe": entry(b"./etc/p", kind=b"6") + entry(b"./etc/x", kind=b"2", link=b"p"),
    "a link through a link": entry(b"./etc/p", kind=b"6")
    + entry(b"./etc/l", kind=b"2", link=b"/etc")
    + entry(b"./etc/x", kind=b"2", link=b"l/p"),
    "a link to a device": entry(b"./etc/x", kind=b"2", link=b"/dev/zero"),
    "a link to a process": entry(b"./etc/x", kind=b"2", link=b"../proc/kmsg"),
}


@pytest.mark.parametrize("members", ENDLESS.values(), ids=ENDLESS)
def test_a_conffile_that_dpkg_would_read_without_end_is_refused(tmp_path, members):
    """dpkg is not asked: it would not come back."""
    path = tmp_path / "tool.deb"
    path.write_bytes(package(ETC + members))
    assert look(path) == "taken"
    path.write_bytes(package(ETC + members, conffiles=b"/etc/x\n"))
    assert look(path) == "refused"


@pytest.mark.parametrize("directive", [b"interest Lock", b"activate File", b"activate-noawait Unincorp"])
def test_a_trigger_of_the_name_of_dpkgs_own_records_is_refused(tmp_path, directive):
    """On a client that has records of that name dpkg would read them as another thing than they are."""
    path = tmp_path / "tool.deb"
    path.write_bytes(package(triggers=directive + b"\n"))
    assert look(path) == "refused"
