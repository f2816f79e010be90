"""What is taken here is taken by Debian's own readers, apt and dpkg; and what Debian publishes is taken here.

`DIFFERENTIAL=10` makes ten times as many of everything; `make differential` does, and shows the counts.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from packages_app.core.errors import InvalidDeb
from packages_app.core.record import PackageRecord
from packages_app.debian.control import check_control, parse_control, stanza_faults
from packages_app.debian.deb_file import open_deb
from packages_app.debian.relations import RELATION_FIELDS, relations_fault
from packages_app.debian.rewriting import written_anew
from packages_app.debian.stanza import parsed_stanza, record_fields_of, stanza_of
from tests.debian.generated import control_text, relations
from tests.debian.parts import BINARY, deb
from tests.debian.readers import apt_complaints, apt_offers, dpkg_refusals, smallest_that_fails
from tests.debs import ar_archive, tar_archive

pytestmark = pytest.mark.outside

FACTOR = int(os.environ.get("DIFFERENTIAL", "1"))
SEED = int(os.environ.get("SEED", "14"))
LISTS = sorted(Path("/var/lib/apt/lists").glob("*Packages*"))
SYSTEM_PYTHON = Path("/usr/bin/python3")
PARSE_DEPENDS = """
import apt_pkg, json, sys
apt_pkg.init_system()
failed = []
for value in json.load(sys.stdin):
    try:
        apt_pkg.parse_depends(value, False)
    except Exception as error:
        failed.append([value, str(error)])
json.dump(failed, sys.stdout)
"""


def counted(capsys, **counts):
    with capsys.disabled():
        sys.stdout.write("\n" + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()) + "\n")


def paragraph(name, **fields):
    usual = {"Package": name, "Version": "1.0", "Architecture": "all", "Maintainer": "M <m@x.org>", "Description": "d"}
    return "".join(f"{field}: {value}\n" for field, value in {**usual, **fields}.items())


def written(folder, name, text):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.deb"
    data = ("data.tar", tar_archive({f"./usr/share/doc/{name}/readme": b"x"}))
    path.write_bytes(deb(tar_archive({"./control": text.encode()}), data=data))
    return path


def stanza(text):
    """Give the stanza that the index would have of a package with this control file and a definition that says all."""
    text = written_anew(text)
    said = record_fields_of(parse_control(text))
    fallback = {"maintainer": "D <d@x.org>", "description": "from the definition", "section": "misc"}
    fields = {name: value or fallback.get(name, "") for name, value in said.items()}
    hashes = {"md5_hash": "0" * 32, "sha1_hash": "0" * 40, "sha256_hash": "0" * 64}
    path = f"pool/main/{said['package_name']}.deb"
    return stanza_of(PackageRecord(**fields, pool_path=path, file_size=1000, **hashes, control=text.strip("\n")))


def taken(text):
    try:
        check_control(parse_control(written_anew(text)))
    except InvalidDeb as error:
        assert error.remedy
        return False
    return True


def check_readers(tmp_path, texts):
    """Assert that apt reads an index of packages with these control files, and that dpkg unpacks each of them."""
    stanzas = [stanza(text) for text in texts.values()]
    said = apt_complaints(tmp_path / "apt", stanzas, install=list(texts)[:10])
    if said:
        said.append(smallest_that_fails(stanzas, lambda some: bool(apt_complaints(tmp_path / "apt", some))))
    assert said == []
    assert {name for name, _ in apt_offers(tmp_path / "apt", texts)} == set(texts)
    debs = {written(tmp_path / "debs", name, text): text for name, text in texts.items()}
    refused = dpkg_refusals(tmp_path, list(debs))
    assert [(said, debs[path]) for path, said in refused.items()] == []
    assert all(open_deb(path).control_text == written_anew(text).strip("\n") for path, text in debs.items())


def test_relations_that_are_taken_are_taken_by_apt_and_dpkg(tmp_path, capsys):
    chance = random.Random(SEED)
    values = [relations(chance) for _ in range(2000 * FACTOR)]
    sound = {
        field: [value for value in values if value and taken(paragraph("tool", **{field: value}))]
        for field in RELATION_FIELDS
    }
    assert all(len(some) > 200 * FACTOR for some in sound.values())
    texts = {}
    for number in range(20 * FACTOR):
        some = {field: ", ".join(chance.sample(sound[field], 9)) for field in RELATION_FIELDS[:-1]}
        texts[f"tool{number}"] = paragraph(f"tool{number}", **some, Replaces=chance.choice(sound["Replaces"]))
    for number, value in enumerate(sound["Depends"]):
        texts[f"one{number}"] = paragraph(f"one{number}", Depends=value)
    stanzas = [stanza(text) for text in texts.values()]
    said = apt_complaints(tmp_path / "apt", stanzas)
    if said:
        said.append(smallest_that_fails(stanzas, lambda some: bool(apt_complaints(tmp_path / "apt", some))))
    assert said == []
    debs = [written(tmp_path / "debs", name, text) for name, text in list(texts.items())[: 60 * FACTOR]]
    assert dpkg_refusals(tmp_path, debs) == {}
    counted(capsys, relation_fields=len(values) * len(RELATION_FIELDS), taken=sum(map(len, sound.values())))


def test_relations_that_are_taken_are_taken_by_apt_pkg():
    if subprocess.run([SYSTEM_PYTHON, "-c", "import apt_pkg"], capture_output=True, check=False).returncode:
        pytest.skip("python3-apt is not installed")
    chance = random.Random(SEED + 1)
    values = (relations(chance) for _ in range(3000 * FACTOR))
    sound = [value for value in values if value and not relations_fault("Depends", value)]
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", PARSE_DEPENDS], input=json.dumps(sound), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
    assert len(sound) > 500 * FACTOR


def test_control_files_that_are_taken_are_taken_by_apt_and_dpkg(tmp_path, capsys):
    chance = random.Random(SEED + 2)
    made = {f"tool{number}": control_text(chance, f"tool{number}") for number in range(250 * FACTOR)}
    texts = {name: text for name, text in made.items() if taken(text)}
    assert len(texts) > 30 * FACTOR
    check_readers(tmp_path, texts)
    counted(capsys, control_files=len(made), taken=len(texts))


@pytest.mark.skipif(not LISTS, reason="this machine has no lists of packages")
def test_none_of_the_packages_of_debian_is_refused(capsys):
    count = 0
    for path in LISTS:
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], capture_output=True, check=True).stdout
        for one in text.decode().strip("\n").split("\n\n")[:: max(1, 20 // FACTOR)]:
            assert not list(stanza_faults(one + "\n", parsed_stanza(one)[0]))
            check_control(parse_control(one + "\n"))
            count += 1
    assert count > 1000
    counted(capsys, packages_of_Debian=count, refused=0)


def of_length(field, length, first="", last=""):
    return {field: first + "x" * (length - len(first) - len(last)) + last}


LONGEST = {
    "Section": of_length("Section", 255),
    "Priority": of_length("Priority", 64),
    "Source": of_length("Source", 1000),
    "the version of a source": of_length("Source", 1000, "x (", ")"),
    "a name depended on": of_length("Depends", 255),
    "a name provided": of_length("Provides", 255),
    "a name conflicted with": of_length("Conflicts", 255),
    "a version depended on": of_length("Depends", 256 + len("a (= 1)") - 1, "a (= 1", ")"),
    "a version provided": of_length("Provides", 256 + len("a (= 1)") - 1, "a (= 1", ")"),
    "an architecture": of_length("Depends", 64 + len("a:"), "a:"),
    "a version": of_length("Version", 247 - len("longest__all.deb"), "1"),
    "a package's name": {"Package": "a" * (247 - len("_1.0_all.deb"))},
    "a paragraph": of_length("X-Text", 1_000_000 - len(paragraph("longest")) - len("X-Text: \n")),
    "all relations": {"Depends": ", ".join(["a"] * 20_000)},
}


def test_what_is_as_long_as_is_taken_is_taken_by_apt_and_dpkg(tmp_path):
    texts = {}
    for number, fields in enumerate(LONGEST.values()):
        name = fields.get("Package", "longest" if "X-Text" in fields or "Version" in fields else f"longest{number}")
        texts[f"{name}{number}" if name in texts else name] = paragraph(name, **fields)
    assert [name for name, text in texts.items() if not taken(text)] == []
    check_readers(tmp_path, {parse_control(text)["Package"]: text for text in texts.values()})


@pytest.mark.parametrize("fields", LONGEST.values(), ids=LONGEST)
def test_what_is_longer_by_one_is_refused(fields):
    [(field, value)] = fields.items()
    middle = len(value) // 2
    longer = (
        value + ", a" if field == "Depends" and "," in value else value[:middle] + value[middle - 1] + value[middle:]
    )
    assert not taken(paragraph("longest", **{field: longer}))


def test_only_so_many_architectures_are_named_that_apt_goes_through_them_at_once(tmp_path):
    """With thousands of them a client's apt takes minutes, over this one package."""
    most = [f"part:a{number}" for number in range(20)]
    assert apt_complaints(tmp_path, [stanza(paragraph("tool", Depends=", ".join(most * 900)))]) == []
    for fields in ({"Depends": ", ".join(most)}, {"Depends": ", ".join(most[:9]), "Provides": ", ".join(most[9:])}):
        assert taken(paragraph("tool", **fields))
        assert not taken(paragraph("tool", **fields, Breaks="part:b"))


@pytest.mark.parametrize("field", ["Section", "Source", "Depends", "Provides"])
def test_apt_aborts_where_its_cache_is_full_and_we_are_far_below(tmp_path, field):
    """The readers beside these tests do see it when apt ends by a signal."""
    text = paragraph("tool", **of_length(field, 66_000))
    assert not taken(text)
    forged = f"{text}Filename: pool/x.deb\nSize: 1\nSHA256: {'0' * 64}\n"
    said = apt_complaints(tmp_path, [forged])
    assert said == ["apt-get update ended with -6"]


def test_apt_crashes_over_alternatives_in_conflicts_and_we_refuse_them(tmp_path):
    text = paragraph("tool", Conflicts="foo | bar", Provides="foo:i386").replace("all", "amd64")
    assert not taken(text)
    forged = f"{text}Filename: pool/x.deb\nSize: 1\nSHA256: {'0' * 64}\n"
    assert apt_complaints(tmp_path, [forged], install=["tool"])[0].endswith("ended with -11")


def test_an_epoch_is_taken_that_dpkg_and_apt_take(tmp_path):
    epochs = ("0", "00", "0000000001", "00000000001", "0" * 100 + "7", "2147483647", "2147483648", "12345678901", "")
    texts = {f"tool{number}": paragraph(f"tool{number}", Version=f"{epoch}:1.0") for number, epoch in enumerate(epochs)}
    debs = {written(tmp_path / "debs", name, text): name for name, text in texts.items()}
    refused = {debs[path] for path in dpkg_refusals(tmp_path, list(debs))}
    ours = {name for name, text in texts.items() if not taken(text)}
    assert ours == refused == {"tool6", "tool7", "tool8"}
    check_readers(tmp_path / "readers", {name: text for name, text in texts.items() if name not in refused})


@pytest.mark.parametrize(
    "format_", [b"2.0\n", b"2.1\n", b"2.0\nmore\n", b"02.0\n", b"2.\n", b"2.0", b"2.x\n", b"2.0 \n", b"3.0\n"]
)
def test_a_format_is_taken_that_dpkg_takes(tmp_path, format_):
    path = tmp_path / "tool.deb"
    control, data = tar_archive({"./control": paragraph("tool").encode()}), tar_archive({"./usr/share/doc/t": b"x"})
    path.write_bytes(ar_archive((BINARY[0], format_), ("control.tar", control), ("data.tar", data)))
    try:
        open_deb(path)
        ours = True
    except InvalidDeb:
        ours = False
    assert ours is not bool(dpkg_refusals(tmp_path, [path]))
