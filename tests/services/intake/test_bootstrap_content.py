"""What a bootstrap package's files, fields and scripts would do on a client, each judged by where it really leads."""

import shutil
import tarfile
from io import BytesIO

import pytest
import zstandard
from django.conf import settings

from packages_app.core.caution import Caution
from packages_app.core.errors import InvalidDeb
from packages_app.debian.deb_file import open_deb
from packages_app.debian.payload import CONTENT_LIMIT, UNPACKED_LIMIT
from packages_app.services import adapters
from packages_app.services.intake.cautions import cautions_in, content_cautions
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.bootstraps import bootstrap_files
from tests.debs import ar_archive, build_deb, tar_archive

NAME = "kiro-repo"
OWN = f"usr/share/{NAME}"
SOURCE = f"etc/apt/sources.list.d/{NAME}.sources"
EVIL = b"Types: deb\nURIs: https://evil.example\nSuites: x\nComponents: main\nTrusted: yes\n"


@pytest.fixture
def judged(embedded, tmp_path):
    """Gives the codes, and the sentences, of a bootstrap package around some files, members, scripts and fields."""

    def judge(*members, files=None, scripts=None, **fields):
        control = "".join(
            f"{name.replace('_', '-')}: {value}\n"
            for name, value in {"Package": NAME, "Version": "2.0", "Architecture": "all", **fields}.items()
        )
        inside = {name: text.encode() for name, text in {"control": control, **(scripts or {})}.items()}
        plain = {path: body for path, body in {**bootstrap_files(NAME), **(files or {})}.items() if body is not None}
        path = tmp_path / f"{NAME}.deb"
        path.write_bytes(
            ar_archive(
                ("debian-binary", b"2.0\n"),
                ("control.tar", tar_archive(inside)),
                ("data.tar", tar_of([*(member(path, body) for path, body in plain.items()), *members])),
            )
        )
        definition = adapters.definitions().by_name[NAME]
        return {(one.code, one.text) for one in content_cautions(path, open_deb(path), definition)}

    return judge


def tar_of(members):
    """Give a tar archive of members, each with its content."""
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, body in members:
            info.size = len(body)
            tar.addfile(info, BytesIO(body))
    return out.getvalue()


def member(path, body=b"", *, link="", kind=None, mode=0o644, uid=0):
    info = tarfile.TarInfo(f"./{path}")
    info.type = kind or (tarfile.SYMTYPE if link else tarfile.REGTYPE)
    info.linkname, info.mode, info.uid = link, mode, uid
    return info, body


def keyring_path():
    return f"usr/share/keyrings/{adapters.repository().keyring}.gpg"


def codes(found):
    return {code for code, _ in found}


def test_what_is_ours_needs_nobodys_word(judged):
    assert judged() == set()
    assert judged(member(f"{OWN}/x"), member(f"usr/share/doc/{NAME}/y", link="changelog.gz")) == set()


@pytest.mark.parametrize(
    "fields",
    [
        {"Conflicts": "apt"},
        {"Breaks": "apt (<< 99)"},
        {"Replaces": "apt"},
        {"Provides": "apt"},
        {"Depends": "evil"},
        {"Pre_Depends": "evil"},
        {"Recommends": "evil"},
        {"Suggests": "evil"},
        {"Enhances": "apt"},
        {"Phased_Update_Percentage": "0"},
        {"Task": "standard"},
    ],
)
def test_relations_and_fields_that_the_template_does_not_have_are_held(judged, fields):
    [(name, value)] = fields.items()
    assert judged(**fields) == {("bootstrap_fields", f"{name.replace('_', '-')}: {value}")}


def test_relations_are_the_definitions_to_allow(judged, embedded):
    source = {"type": "build_script", "staging_prefix": NAME, "templates": NAME}
    embedded.define(
        NAME, source, architecture="all", bootstrap={"copy": "x.deb"}, depends="ca-certificates, apt (>= 2)"
    )
    assert judged(Depends="ca-certificates,\n apt (>= 2)") == set()
    assert codes(judged(Depends="ca-certificates")) == {"bootstrap_fields"}


def test_a_relation_of_the_template_that_is_left_out_is_held(judged, settings, tmp_path):
    templates = tmp_path / "templates" / NAME
    shutil.copytree(settings.TEMPLATES_DIR / NAME, templates)
    control = (templates / "control").read_text()
    (templates / "control").write_text(
        control.replace("Homepage:", "Pre-Depends: apt (>= 2)\nX-Kept: by us\nHomepage:")
    )
    settings.TEMPLATES_DIR = templates.parent
    assert judged(Pre_Depends="apt  (>= 2)", X_Kept="by us") == set()
    assert judged() == {("bootstrap_fields", "Pre-Depends: ")}


LINKED = {
    "through a folder of its own": ([member(f"{OWN}/x", link="/etc/apt")], f"{OWN}/x/sources.list.d/{NAME}.sources"),
    "through two": (
        [member(f"{OWN}/x", link="y"), member(f"{OWN}/y", link="../../../etc/apt/sources.list.d")],
        f"{OWN}/x/{NAME}.sources",
    ),
    "through the root": ([], f"proc/self/root/etc/apt/sources.list.d/{NAME}.sources"),
    "through another thread's root": ([], f"proc/1/task/1/cwd/{SOURCE}"),
}


@pytest.mark.parametrize("case", LINKED)
def test_a_source_file_that_comes_through_a_link_is_a_source_file(judged, case):
    """Where an earlier version's links are there; a file below a link of the same version is refused."""
    links, path = LINKED[case]
    found = judged(member(path, EVIL), *links)
    assert {("bootstrap_source", f"/{path}, that is /{SOURCE}, says trusted: yes")} <= found
    if links:
        with pytest.raises(InvalidDeb):
            judged(*links, member(path, EVIL))


FILES = {
    "a program": [member("usr/bin/apt", b"x")],
    "a program through Debian's links": [member("bin/apt", b"x")],
    "a folder's link to elsewhere": [member(f"{OWN}/x", link="/etc/apt")],
    "through a link": [member(f"{OWN}/x/cron.d/evil", b"x"), member(f"{OWN}/x", link="/etc")],
    "through a link without end": [member(f"{OWN}/x/y", b"x"), member(f"{OWN}/x", link="x")],
    "a hard link": [member(f"{OWN}/y"), member(f"{OWN}/x", link=f"{OWN}/y", kind=tarfile.LNKTYPE)],
    "a device": [member(f"{OWN}/x", kind=tarfile.BLKTYPE)],
    "for all to write": [member(f"{OWN}/x", mode=0o666)],
    "somebody's": [member(f"{OWN}/x", uid=1000)],
    "a client's own source": [member("etc/apt/sources.list.d/debian.sources", b"")],
    "the one list": [member("etc/apt/sources.list", b"")],
    "preferences": [member("etc/apt/preferences.d/x", b"")],
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_the_template_does_not_have_are_held(judged, case):
    assert "bootstrap_files" in codes(judged(*FILES[case]))


@pytest.mark.parametrize("place", ["keyring", "source"])
def test_a_link_in_the_place_of_what_is_ours_is_held(judged, place):
    """What it leads to is another version's to change, and the client's once this one is gone."""
    path = SOURCE if place == "source" else keyring_path()
    there = member(f"{OWN}/own", bootstrap_files(NAME)[path])
    found = judged(there, member(path, link=f"/{OWN}/own"), files={path: None})
    assert ("bootstrap_files", f"/{path} leads to /{OWN}/own") in found
    assert codes(found) == {"bootstrap_files", f"bootstrap_{'source' if place == 'source' else 'key'}"}


def test_of_several_keyrings_of_one_path_each_is_looked_at(judged):
    good, none = bootstrap_files(NAME)[keyring_path()], f"/{keyring_path()} does not hold the key that signs now"
    assert judged(member(keyring_path(), good)) == set()
    assert judged(member(keyring_path(), b"\xff")) == {("bootstrap_key", none)}
    assert judged(member(keyring_path(), good), files={keyring_path(): b"\xff"}) == {("bootstrap_key", none)}


def test_more_than_is_looked_at_of_a_bootstrap_package_is_held(tmp_path, embedded):
    definition = adapters.definitions().by_name[NAME]
    control = f"Package: {NAME}\nVersion: 2.0\nArchitecture: all\n"
    files = [member(path, body) for path, body in bootstrap_files(NAME).items()]
    deb = with_data(tmp_path, "data.tar.zst", _behind(tar_of(files)[:-1024], "usr/share/doc/kiro-repo/zeros"), control)
    found = content_cautions(deb, open_deb(deb), definition)
    assert Caution("bootstrap_files", "more than is looked at") in found


def test_what_is_where_debian_has_links_is_named_by_its_place(judged):
    assert judged(member("lib/systemd/system/x.service")) == {
        ("bootstrap_files", "/lib/systemd/system/x.service, that is /usr/lib/systemd/system/x.service")
    }


@pytest.mark.parametrize(
    "scripts",
    [
        {"config": "#!/bin/sh\n"},
        {"triggers": "interest-noawait /usr/bin\n"},
        {"templates": "x\n"},
        {"isinstallable": "#!/bin/sh\n"},
        {"conffiles": "/etc/apt/sources.list.d/debian.sources\n"},
        {"conffiles": f"remove-on-upgrade /{SOURCE[:-8]}.list\n"},
        {"conffiles": f"/{SOURCE}-debian.sources\n"},
    ],
)
def test_files_of_the_control_member_that_are_not_the_templates_are_held(judged, scripts):
    assert codes(judged(scripts=scripts)) == {"bootstrap_scripts"}


def test_conffiles_that_remove_what_the_package_brings_are_refused(judged):
    with pytest.raises(InvalidDeb):
        judged(scripts={"conffiles": f"remove-on-upgrade /{SOURCE}\n"})


def test_its_own_source_file_may_be_a_conffile(judged):
    assert judged(scripts={"conffiles": f"/{SOURCE}\n", "md5sums": "x\n"}) == set()


TEXT = "Types: deb\nURIs: {url}\nSuites: stable\nComponents: main\nSigned-By: {key}\n"
SOURCES = {
    "a line's end that only some see": TEXT.replace("URIs", "URIs: https://e.example\nX-A: a\x0cURIs"),
    "a field twice": TEXT + "URIs: https://e.example\n",
    "no dates": TEXT + "Check-Valid-Until: no\n",
    "other targets": TEXT + "Targets: Contents-deb\n",
    "switched off by a number": TEXT + "Enabled: 00\n",
    "for one architecture": TEXT + "Architectures: s390x\n",
    "another component": TEXT.replace("main", "nosuch"),
    "no component": TEXT.replace("Components: main\n", ""),
    "insecure": TEXT + "Allow-Insecure: yes\n",
    "more behind a megabyte": TEXT + "#" * CONTENT_LIMIT + "\n\nTypes: deb\nURIs: https://e.example\n",
    "a line in capitals": "deb [Signed-By={key} Trusted=yes] {url} stable main\n",
}


@pytest.mark.parametrize("case", SOURCES)
def test_a_source_file_that_says_more_is_held(judged, case):
    text = SOURCES[case].replace("{url}", settings.PUBLIC_URL).replace("{key}", f"/{keyring_path()}")
    files = {SOURCE: text.encode()} if "URIs" in text else {SOURCE: None, f"{SOURCE[:-8]}.list": text.encode()}
    assert codes(judged(files=files)) == {"bootstrap_source"}


def test_the_file_that_becomes_the_source_is_read_like_it(judged):
    shipped = f"{OWN}/{NAME}.sources"
    assert judged(files={shipped: bootstrap_files(NAME)[SOURCE]}) == set()
    found = judged(files={shipped: EVIL})
    assert codes(found) == {"bootstrap_source"}
    assert ("bootstrap_source", f"/{shipped} says trusted: yes") in found


def test_the_one_list_is_read_as_a_source_too(judged):
    line = f"deb [signed-by=/{keyring_path()} {{}}] {settings.PUBLIC_URL} stable main\n"
    for more, said in (("", set()), ("trusted=yes", {("bootstrap_source", "/etc/apt/sources.list says trusted: yes")})):
        found = judged(files={SOURCE: None, "etc/apt/sources.list": line.format(more).encode()})
        assert found == {("bootstrap_files", "/etc/apt/sources.list"), *said}


def test_a_keyring_that_goes_on_behind_what_is_looked_at_is_held(judged):
    """Markers, which OpenPGP passes over (RFC 9580, 5.8), fill the megabyte; another key stands behind it."""
    good = bootstrap_files(NAME)[keyring_path()]
    long, short = b"\xca\xff\0\0\0\3PGP", b"\xca\3PGP"
    room = CONTENT_LIMIT - len(good)
    longs = next(count for count in range(5) if (room - count * len(long)) % len(short) == 0)
    full = good + long * longs + short * ((room - longs * len(long)) // len(short))
    assert judged(files={keyring_path(): full}) == set()
    found = judged(files={keyring_path(): full + OpenPgpSigner(generate_key("Another")).public_keyring()})
    assert found == {("bootstrap_key", f"/{keyring_path()} does not hold the key that signs now")}


def test_the_first_bootstrap_package_has_no_epoch_that_a_later_one_would_have_to_pass(embedded, tmp_path):
    for version, held in (("1:1.0", {"version_jump"}), ("1.0", set())):
        deb = build_deb(tmp_path, NAME, version, "all", files=bootstrap_files(NAME))
        found = cautions_in(deb, open_deb(deb), adapters.definitions().by_name[NAME])
        assert {one.code for one in found} == held


def test_a_keyring_that_holds_another_key_besides_is_held(judged):
    other = OpenPgpSigner(generate_key("Another"))
    found = judged(files={keyring_path(): adapters.signer().public_keyring() + other.public_keyring()})
    said = f"holds keys besides that sign nothing here: {other.fingerprint}"
    assert found == {("bootstrap_key", f"/{keyring_path()} {said}")}


@pytest.mark.parametrize(
    ("path", "body", "codes_found"),
    [
        ("usr/lib/tmpfiles.d/tool.conf", b"z /usr/bin/tool 4755 root root\n", {"setuid"}),
        ("usr/lib/tmpfiles.d/tool.conf", b"#\n" * 600_000, {"setuid"}),
        ("usr/lib/sysusers.d/tool.conf", b"#\n" * 600_000, {"setuid"}),
        ("lib/tmpfiles.d/tool.conf", b"f /usr/bin/tool 4755 root root\n", {"setuid"}),
        ("usr/lib/sysusers.d/tool.conf", b"u tool 0\n", {"setuid"}),
        ("usr/lib/tmpfiles.d/tool.conf", b"d /var/lib/tool 2775 root root\n", set()),
        ("var/lib/dpkg/diversions", b"/bin/ls\n/bin/ls.x\n:\n", {"diversion"}),
        ("var/lib/dpkg/info/apt.postinst", b"#!/bin/sh\n", {"diversion"}),
    ],
)
def test_files_of_any_package_that_give_rights_or_divert_are_held(tmp_path, path, body, codes_found):
    deb = build_deb(tmp_path, "tool", "1.0", files={path: body})
    assert codes(looked_at(deb)) == codes_found


def test_files_of_dpkg_that_come_through_a_link_are_too(tmp_path):
    for target, path, code in (
        ("../var/lib", "usr/x/dpkg/statoverride", "diversion"),
        ("../var/lib/dpkg", "usr/x/statoverride", "diversion"),
        ("/lib/tmpfiles.d", "usr/x/x.conf", "setuid"),
    ):
        body = b"f /usr/bin/x 4755 root root\n"
        deb = with_data(tmp_path, "data.tar", tar_of([member(path, body), member("usr/x", link=target)]))
        assert codes(looked_at(deb)) == {code}
        with pytest.raises(InvalidDeb):
            looked_at(with_data(tmp_path, "data.tar", tar_of([member("usr/x", link=target), member(path, body)])))


def test_what_lies_behind_all_that_is_looked_at_is_held(tmp_path):
    assert codes(looked_at(with_data(tmp_path, "data.tar.zst", _behind(b"", "usr/share/zeros")))) == {"setuid"}


def _behind(before, path):
    """Give a data member of some files, a file of zeros as large as all that is looked at, and a setuid one."""
    pack = zstandard.ZstdCompressor(level=1).compressobj()
    zeros = tarfile.TarInfo(f"./{path}")
    zeros.size = UNPACKED_LIMIT
    data = [pack.compress(before + zeros.tobuf(tarfile.GNU_FORMAT))]
    data += [pack.compress(bytes(1 << 24)) for _ in range(UNPACKED_LIMIT >> 24)]
    data += [pack.compress(tar_of([member("usr/bin/x", b"", mode=0o4755)])), pack.flush()]
    return b"".join(data)


def test_a_long_script_is_read_to_its_end(tmp_path):
    script = "#!/bin/sh\n" + "# nothing\n" * 100_000 + "chmod 4755 /usr/bin/tool\n"
    assert codes(looked_at(build_deb(tmp_path, "tool", "1.0", scripts={"postinst": script}))) == {"setuid"}
    over = script.replace("nothing", "nothing" * 3)
    assert codes(looked_at(build_deb(tmp_path, "tool", "1.0", scripts={"postinst": over}))) == {"setuid"}


def looked_at(deb):
    return {(one.code, one.text) for one in content_cautions(deb, open_deb(deb), None)}


def with_data(folder, name, data, control="Package: tool\nVersion: 1.0\nArchitecture: amd64\n"):
    members = ("debian-binary", b"2.0\n"), ("control.tar", tar_archive({"control": control.encode()})), (name, data)
    path = folder / "tool.deb"
    path.write_bytes(ar_archive(*members))
    return path
