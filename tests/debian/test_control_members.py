"""Files beside `control` are read as dpkg reads them, and what its tar reader refuses is found at the head of data."""

import io
import tarfile

import pytest

from packages_app.core.errors import InvalidDeb
from packages_app.debian.deb_file import open_deb
from packages_app.debian.payload import read_payload
from tests.debian.parts import BINARY, CONTROL, CONTROL_TAR, END, entry, pax, record
from tests.debian.readers import dpkg_refusals, look
from tests.debs import COMPRESS, ar_archive, tar_archive

pytestmark = pytest.mark.outside

MEMBERS = {
    "conffiles": {
        "usual": b"/etc/x\n", "two": b"/etc/x\n/etc/y z\n", "blanks behind": b"/etc/x \t\n",
        "flag": b"remove-on-upgrade /etc/x\n",
        "blank line": b" \n/etc/x\n", "empty line": b"\n", "empty": b"", "relative": b"etc/x\n",
        "no newline": b"/etc/x",
        "other flag": b"keep /etc/x\n", "leading blank": b" /etc/x\n", "flag alone": b"remove-on-upgrade \n",
        "two flags": b"remove-on-upgrade remove-on-upgrade /etc/x\n", "long": b"/xx" * 332 + b"\n",
        "longer": b"/" + b"x" * 996 + b"\n", "much longer": b"/" + b"x" * 1100 + b"\n", "latin-1": b"/etc/\xe9\n",
    },
    "triggers": {
        "usual": b"interest-noawait /usr/lib\nactivate ldconfig\n", "comment": b"# x\n  # y\n",
        "blank line": b" \n\ninterest a\n", "no newline": b"interest a", "unknown": b"care a\n",
        "no name": b"interest\n", "no name but a blank": b"interest \n",
        "blank in the name": b"interest a b\n", "upper": b"Interest a\n", "not ASCII": b"interest \xe9\n",
        "tabs": b"\tactivate-await\ta\t\n", "long": b"interest " + b"x" * 245 + b"\n",
        "longer": b"interest " + b"x" * 246 + b"\n",
        "a path without its slash": b"interest foo/bar\n", "an underscore": b"interest a_b\n",
        "slashes": b"interest //\n", "a slash at the end": b"interest /usr/\n", "a sign first": b"interest +a\n",
        "a deep path": b"interest /a/b_c\n",
        "await": b"interest-await a\nactivate-noawait b\n", "dash": b"interest- a\n",
        "carriage return": b"interest a\r\n",
    },
    "x" * 100: {"a name of 100": b"x"},
    "x" * 101: {"a name of 101": b"x"},
}  # fmt: skip
CASES = [(name, body, f"{name[:9]}: {case}") for name, cases in MEMBERS.items() for case, body in cases.items()]


def refused_by_both(tmp_path, bodies):
    """Give whether each package is refused here, and whether dpkg refuses it, by its name."""
    paths = {}
    for number, (name, body) in enumerate(bodies.items()):
        paths[tmp_path / f"{number}.deb"] = name
        (tmp_path / f"{number}.deb").write_bytes(body)
    theirs = dpkg_refusals(tmp_path, list(paths))
    ours = set()
    for path in paths:
        try:
            open_deb(path)
        except InvalidDeb as error:
            assert error.remedy
            ours.add(path)
    return {name: path in ours for path, name in paths.items()}, {name: path in theirs for path, name in paths.items()}


def named(number):
    """Give a control file of a package of its own: one root takes them all."""
    return CONTROL.replace(b"tool", b"tool%d" % number).replace(b"amd64", b"all")


def test_conffiles_triggers_and_names_of_files_are_taken_when_dpkg_takes_them(tmp_path):
    bodies = {}
    for number, (name, body, case) in enumerate(CASES):
        control = tar_archive({"./control": named(number), f"./{name}": body})
        data = tar_archive({f"./usr/share/doc/{number}": b"x"})
        bodies[case] = ar_archive(BINARY, ("control.tar", control), ("data.tar", data))
    ours, theirs = refused_by_both(tmp_path, bodies)
    assert ours == theirs


def member(kind, name=b"./usr", **more):
    return entry(name, kind=kind, **more) + END


def field(start, value):
    """Give a header with other bytes at a place, and the checksum that is right for it."""
    head = bytearray(entry(b"./usr/", kind=b"5"))
    head[start : start + len(value)] = value
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + END


FOLDER = entry(b"./usr/", kind=b"5")
DATA = {
    **{f"kind {kind:c}": member(bytes([kind]), b"./odd%c" % kind, link=b"x") for kind in b"256SVMDNXAZ"},
    "pax first": pax(record(b"mtime", b"1.5")) + FOLDER + END,
    "pax later": FOLDER + pax(record(b"mtime", b"1.5")) + entry(b"./usr/x", b"x") + END,
    "pax for all": pax(record(b"comment", b"x"), b"g") + FOLDER + END,
    "long name": FOLDER
    + entry(b"././@LongLink", b"./usr/" + b"x" * 200 + b"\0", kind=b"L")
    + entry(b"./usr/x", b"x")
    + END,
    "no name": entry(b"", b"x") + END,
    "nothing": b"\0" * 10240,
    "no end mark": FOLDER,
    "uid of letters": field(108, b"abcdefg\0"),
    "uid of digits above 7": field(108, b"0000009\0"),
    "uid of NULs": field(108, b"\0" * 8),
    "uid of blanks": field(108, b" " * 8),
    "gid with junk behind": field(116, b"0000\0xx\0"),
    "time in base 256": field(136, b"\xff" * 12),
    "time of letters": field(136, b"now now now\0"),
}


def test_the_head_of_data_is_taken_when_dpkg_unpacks_it(tmp_path):
    bodies = {}
    for number, (name, data) in enumerate(DATA.items()):
        control = tar_archive({"./control": named(number)})
        bodies[name] = ar_archive(BINARY, ("control.tar", control), ("data.tar", data))
    ours, theirs = refused_by_both(tmp_path, bodies)
    assert ours == theirs


def test_what_dpkg_does_not_unpack_is_found_far_behind_the_head_too(tmp_path):
    far = [FOLDER, entry(b"./usr/x", b"x" * 3_000_000)]
    whole = b"".join([*far, entry(b"./usr/y", b"y"), END])
    bodies = {
        "sound": whole,
        "pax": b"".join([*far, pax(record(b"mtime", b"1.5")), entry(b"./usr/y", b"y"), END]),
        "junk": b"".join([*far, b"x" * 512, END]),
    }
    outcomes, debs = {}, []
    for number, (name, data) in enumerate(bodies.items()):
        members = ("control.tar", tar_archive({"./control": named(number)})), ("data.tar.gz", COMPRESS[".gz"](data))
        debs.append(tmp_path / f"{name}.deb")
        debs[-1].write_bytes(ar_archive(BINARY, *members))
        opened = open_deb(debs[-1])
        try:
            with debs[-1].open("rb") as stream:
                read_payload(stream, opened, keep=lambda _file: False)
            outcomes[name] = "taken"
        except InvalidDeb:
            outcomes[name] = "refused"
    assert outcomes == {"sound": "taken", "pax": "refused", "junk": "refused"}
    assert {path.stem for path in dpkg_refusals(tmp_path, debs)} == {"pax", "junk"}


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst"])
def test_data_that_ends_early_is_refused_as_dpkg_refuses_it(tmp_path, ending):
    tar = FOLDER + entry(b"./usr/x", b"x" * 5000)
    whole = COMPRESS[ending](tar + END)
    bodies = {
        "whole": whole,
        "within": COMPRESS[ending](tar[:-700]),
        "unpadded": COMPRESS[ending](tar[:-100]),
        "newline": COMPRESS[ending](FOLDER + entry(b"./usr/a\nb", b"x") + END),
        "long": COMPRESS[ending](FOLDER + entry(b"./usr/" + b"x" * 90, b"x") + END),
    }
    if ending:
        bodies["cut"] = whole[:-4]
    debs = []
    for number, (name, data) in enumerate(bodies.items()):
        debs.append(tmp_path / f"{name}.deb")
        control = ("control.tar", tar_archive({"./control": named(number)}))
        debs[-1].write_bytes(ar_archive(BINARY, control, (f"data.tar{ending}", data)))
    refused = {path.stem for path in debs if look(path) == "refused"}
    assert refused == {path.stem for path in dpkg_refusals(tmp_path, debs)}
    assert refused == bodies.keys() - {"whole", "long"}


def test_a_path_that_leads_out_of_its_folder_is_refused(tmp_path):
    for name, outcome in ((b"./usr/share/../../etc/x", "refused"), (b"../x", "refused"), (b"./usr/..x/y..", "taken")):
        path = tmp_path / "tool.deb"
        data = ("data.tar", FOLDER + entry(name, b"x") + END)
        path.write_bytes(ar_archive(BINARY, ("control.tar", CONTROL_TAR), data))
        assert look(path) == outcome


def test_a_member_behind_data_is_passed_over_unless_it_is_a_second_one_of_those_that_count(tmp_path):
    data = ("data.tar", tar_archive({"./usr/x": b"x"}))
    control = ("control.tar", CONTROL_TAR)
    path = tmp_path / "tool.deb"
    for behind in ("_gpgorigin", "sig", "x"):
        path.write_bytes(ar_archive(BINARY, control, data, (behind, b"y")))
        assert open_deb(path).control["Package"] == "tool"
    for behind in (data, control, BINARY, ("control.tar.xz", b""), ("data.tar.zst", b"")):
        path.write_bytes(ar_archive(BINARY, control, data, behind))
        with pytest.raises(InvalidDeb):
            open_deb(path)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_what_python_writes_as_gnu_and_ustar_is_taken(tmp_path, form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name in ("./", "./usr/", "./usr/é"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            tar.addfile(info)
    path = tmp_path / "tool.deb"
    path.write_bytes(ar_archive(BINARY, ("control.tar", CONTROL_TAR), ("data.tar", out.getvalue())))
    assert open_deb(path).control["Version"] == "1.0"


def numbered(start: int, field: bytes) -> bytes:
    """Give a control file's entry with this text in the place of a number."""
    head = bytearray(entry(b"./control", CONTROL))
    head[start : start + len(field)] = field
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head)


@pytest.mark.parametrize(("start", "length"), [(100, 8), (108, 8), (116, 8), (136, 12)])
def test_numbers_of_a_control_member_are_taken_when_tar_reads_them(tmp_path, start, length):
    fields = [
        b"0000644\0", b"00007558", b"14.24776", b"   644 \0", b"\0" * length, b" " * length,
        b"\x80" + bytes(length - 1), b"+AAAAAAA", b"644\0xxxx", b"644 xxxx", b"x644\0\0\0\0",
        b"\0" + b"644".ljust(length - 1, b"\0"),
    ]  # fmt: skip
    bodies = {}
    for field in fields:
        body = numbered(start, field[:length].ljust(length, b"\0")) + END
        bodies[field] = ar_archive(BINARY, ("control.tar", body), ("data.tar", END))
    ours, theirs = refused_by_both(tmp_path, bodies)
    assert ours == theirs
