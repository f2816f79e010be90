"""Of what is written otherwise than usual, apt reads in the index what dpkg reads in the package; nothing gets lost."""

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from packages_app.core.errors import InvalidDeb
from packages_app.debian.deb_file import open_deb
from packages_app.debian.stanza import record_fields_of
from packages_app.indexes.entry import entries_in, entry_of
from tests.debian.parts import BINARY, CONTROL, CONTROL_TAR, DATA, DATA_TAR, END, entry, with_control
from tests.debian.readers import apt_complaints, apt_offers, dpkg_refusals
from tests.debian.test_data_tree import judged, look
from tests.debs import COMPRESS, ar_archive, tar_archive
from tests.records import make_record

pytestmark = pytest.mark.outside

SAID = {
    b"Homepage : x\n": "Homepage: x",
    b"Homepage\t\v: x\n": "Homepage: x",
    b"Homepage:\vx\f\n": "Homepage: x",
    b"Depends: Foo, foo_bar, GNU-x (>= 1) | b\n": "Depends: foo, foo_bar, gnu-x (>= 1) | b",
    b"Depends: foo:Any\n": "Depends: foo:Any",
    b"Depends:\fa\v,\f b\v\n": "Depends: a ,  b",
    b"Section:\n utils\n": "Section: utils",
    b"Priority: \v\n optional\n": "Priority: optional",
    b"Source:\n other\n": "Source: other",
    b"Installed-Size:\n 5\n": "Installed-Size: 5",
    b"Installed-Size: -1\n": "Installed-Size: 0",
    b"Phased-Update-Percentage: 50.5\n": "Phased-Update-Percentage: 50",
    b"Essential: no\v\nMulti-Arch: foreign\f\n": "Essential: no\nMulti-Arch: foreign",
    b"X-Note: a\vb\n \vc\n": "X-Note: a\vb\n \vc",
}


def record_of(path):
    """Give the record that intake would make of a package, as far as its control file decides it."""
    contents = open_deb(path)
    fields = record_fields_of(contents.control)
    return make_record(
        fields["package_name"], fields["version"], architecture=fields["architecture"], control=contents.control_text
    )


@pytest.mark.parametrize(("odd", "stands"), SAID.items(), ids=map(repr, SAID))
def test_a_field_stands_in_the_index_as_dpkg_reads_it(tmp_path, odd, stands):
    path = tmp_path / "tool.deb"
    path.write_bytes(with_control(CONTROL + odd))
    assert dpkg_refusals(tmp_path / "root", [path]) == {}
    stanza = entry_of(record_of(path)).stanza.decode()
    assert f"\n{stands}\n" in stanza
    assert apt_complaints(tmp_path / "apt", [stanza], install=["tool"]) == []
    assert apt_offers(tmp_path / "apt", ["tool"]) == {("tool", "1.0")}


@pytest.mark.parametrize(
    "odd",
    [
        b"Phased-Update-Percentage: 101\n",  # apt warns of it
        b"Installed-Size: -5x\n",  # apt reads 2^64 - 5
        b"Section: a\n b\n",  # a name of two lines in the lists of every program that shows packages
        b"Homepage\r: x\n",  # a text that ends at the carriage return to some
        b"Depends: \xe2\x84\xaaeep\n",  # the sign of Kelvin, a k in lower case
        b"Essential:\n no\n",
        b"Multi-Arch:\n no\n",
    ],
)
def test_what_apt_or_dpkg_warns_of_or_misreads_is_refused(tmp_path, odd):
    path = tmp_path / "tool.deb"
    path.write_bytes(with_control(CONTROL + odd))
    assert look(path) == "refused"


ODD = st.sampled_from(("\v", "\f", " ", "\t", " \f", "\v ", "\n ", "\n\v", "A", "\u00a0", "\r"))


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, len(CONTROL)), ODD), min_size=1, max_size=3))
@example([(len(b"Package: tool"), "\v")])
def test_what_is_taken_stands_in_the_index_with_the_name_of_its_record(tmp_path_factory, changes):
    text = (CONTROL + b"Depends: libc6, x\nSection: utils\n").decode()
    for at, odd in changes:
        text = text[:at] + odd + text[at:]
    path = tmp_path_factory.getbasetemp() / "odd.deb"
    path.write_bytes(with_control(text.encode()))
    try:
        record = record_of(path)
    except InvalidDeb:
        return
    [found] = entries_in(entry_of(record).stanza)
    assert found.key == record.key


SHELL = b"#!/bin/sh\nexit 0\n"
SCRIPTS = {
    "usual": SHELL, "empty": b"", "a blank line": b"\n", "no interpreter": b"exit 0\n", "no name of one": b"#!\n",
    "carriage returns": SHELL.replace(b"\n", b"\r\n"), "an option with one": b"#!/bin/sh -e\r\nexit 0\n",
}  # fmt: skip


@pytest.mark.parametrize("script", ["preinst", "postinst"])
@pytest.mark.parametrize("body", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_is_taken_that_dpkg_runs_on_any_client(tmp_path, script, body):
    """An empty one too: dpkg gives what the kernel does not execute to the shell."""
    for name in ("info", "updates", "triggers"):
        (tmp_path / "root/var/lib/dpkg" / name).mkdir(parents=True)
    (tmp_path / "root/var/lib/dpkg/status").touch()
    path = tmp_path / "tool.deb"
    tar = tar_archive({"./control": CONTROL, f"./{script}": body})
    path.write_bytes(ar_archive(BINARY, ("control.tar", tar), DATA))
    command = ["dpkg", f"--root={tmp_path / 'root'}", "--force-not-root,script-chrootless,bad-path", "--install", path]
    done = subprocess.run(command, capture_output=True, check=False)
    assert look(path) == ("refused" if done.returncode else "taken")


def test_what_stands_around_the_members_is_taken_as_dpkg_takes_it(tmp_path):
    whole = ar_archive(BINARY, ("control.tar", CONTROL_TAR), DATA)
    bodies = {f"{len(behind)} of {behind[:1]!r}": whole + behind for behind in (b"\n", b"\n\n", b"\0", b"\0" * 512)}
    absolute = entry(b"/control", CONTROL) + END
    bodies["an absolute name"] = ar_archive(BINARY, ("control.tar", absolute), DATA)
    bodies["data without a byte"] = ar_archive(BINARY, ("control.tar", CONTROL_TAR), ("data.tar", b""))
    bodies["data of one byte"] = ar_archive(BINARY, ("control.tar", CONTROL_TAR), ("data.tar", b"x"))
    bodies["data cut off"] = ar_archive(
        BINARY, ("control.tar", CONTROL_TAR), ("data.tar.gz", COMPRESS[".gz"](DATA_TAR)[:99])
    )
    ours, theirs = judged(tmp_path, bodies)
    assert ours == theirs
    assert sum(said == "taken" for said in ours.values()) == 6
