"""The bench's own `.deb` files are packages to everybody."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from packages_app.core.checksums import checksums_of_file
from packages_app.debian.deb_file import open_deb
from tests.benchmarks.deb_records import read_records, with_synthetic, write_records
from tests.benchmarks.tiny_debs import TinyDeb, make_deb, make_large_deb, make_versions

CONTROL = """\
Package: libgreeting1
Source: greeting (1.2-3)
Version: 1:1.2-3+b1
Installed-Size: 40
Maintainer: Zoë Example <zoe@example.org>
Architecture: amd64
Multi-Arch: same
Depends: libc6 (>= 2.34), default-mta | mail-transport-agent
Description: greets
Tag: role::shared-lib,
 implemented-in::c
Section: libs
Priority: optional"""


def field_of(deb: TinyDeb, name: str) -> str:
    done = subprocess.run(["dpkg-deb", "--field", str(deb.path), name], capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")


def test_a_tiny_deb_tells_dpkg_and_us_its_control_paragraph(tmp_path: Path) -> None:
    deb = make_deb(tmp_path, CONTROL)
    assert field_of(deb, "Version") == deb.version == "1:1.2-3+b1"
    assert field_of(deb, "Tag") == "role::shared-lib,\n implemented-in::c"
    assert open_deb(deb.path).control_text == CONTROL
    assert deb.path.name == "libgreeting1_1.2-3+b1_amd64.deb"
    assert deb.checksums == checksums_of_file(deb.path)
    assert subprocess.run(["dpkg-deb", "--contents", str(deb.path)], check=True, capture_output=True).stdout == b""


def test_a_tiny_deb_is_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    assert make_deb(tmp_path, CONTROL).checksums == make_deb(tmp_path / "again", CONTROL).checksums


def test_versions_are_packages_of_their_own(tmp_path: Path) -> None:
    other = CONTROL.replace("libgreeting1", "libparting1")
    debs = list(make_versions(tmp_path, [CONTROL, other], 6))
    assert len({(deb.name, deb.version) for deb in debs}) == len({deb.path for deb in debs}) == 6
    assert [field_of(deb, "Version") for deb in debs] == [deb.version for deb in debs]


def test_a_large_deb_is_as_large_as_it_should_be(tmp_path: Path) -> None:
    deb = make_large_deb(tmp_path, "large", "1.0", 3_000_000)
    assert 3_000_000 < deb.path.stat().st_size < 3_050_000
    assert open_deb(deb.path).control["Package"] == "large" == field_of(deb, "Package")


@pytest.mark.parametrize("wanted", [1, 2, 7])
def test_synthetic_records_are_complete_and_no_two_are_one_package(tmp_path: Path, wanted: int) -> None:
    write_records(tmp_path / "records", make_versions(tmp_path, [CONTROL, CONTROL.replace("greeting", "parting")], 2))
    records = [record for record, _ in with_synthetic(tmp_path / "records", wanted)]
    assert len({record.key for record in records}) == len({record.pool_path for record in records}) == wanted
    assert all(record.missing_fields() == () for record in records)
    assert all(f"Package: {record.package_name}\n" in record.control for record in records)


def test_a_record_comes_back_from_its_line_with_its_file(tmp_path: Path) -> None:
    deb = make_deb(tmp_path, CONTROL)
    write_records(tmp_path / "records", [deb])
    [(record, file)] = read_records(tmp_path / "records")
    assert (file, record.sha256_hash, record.file_size) == (deb.path, deb.checksums.sha256, deb.checksums.size)
    assert record.pool_path == "pool/main/libg/libgreeting1/libgreeting1_1.2-3+b1_amd64.deb"
