"""What a package in the pool fills in, and when it must not be believed."""

from dataclasses import replace

import pytest

from packages_app.core.checksums import checksums_of_file
from packages_app.debian.stanza import stanza_of
from packages_app.services.takeover.enrich import enriched
from tests.debs import build_deb
from tests.records import make_record


@pytest.fixture
def stored(embedded, tmp_path):
    """A bare record of a package in the pool."""
    deb = build_deb(tmp_path, "tool", "1.0", Depends="libc6", files={"usr/share/tool/a": b"first"})
    record = make_record("tool", "1.0", sha1_hash="", md5_hash="", description="", file_size=None)
    embedded.bucket.put(record.pool_path, deb)
    return embedded, replace(record, sha256_hash=checksums_of_file(deb).sha256), deb


def test_everything_that_the_package_says_is_filled_in(stored):
    stack, record, deb = stored
    rich, why = enriched(record, stack.bucket)
    sums = checksums_of_file(deb)
    assert why == ""
    assert (rich.md5_hash, rich.sha1_hash, rich.file_size) == (sums.md5, sums.sha1, sums.size)
    assert rich.depends == "libc6"
    assert "Depends: libc6" in rich.control
    assert rich.missing_fields() == ()
    assert (rich.deb_url, rich.suites, rich.notes) == (record.deb_url, record.suites, record.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256_hash": "f" * 64}, "has SHA256"),
        ({"file_size": 1}, ", 1 bytes"),
        ({"version": "1.1"}, "has the version 1.0, the record 1.1"),
        ({"package_name": "other"}, "has the package_name tool"),
        ({"architecture": "arm64"}, "has the architecture amd64"),
        ({"pool_path": "pool/main/t/tool/absent.deb"}, "is not in the pool"),
    ],
)
def test_a_file_that_is_another_than_the_records_fills_in_nothing(stored, change, said):
    stack, record, _ = stored
    other = replace(record, **change)
    same, why = enriched(other, stack.bucket)
    assert same == other
    assert said in why


def test_a_file_that_is_no_package_fills_in_nothing(stored):
    stack, record, _ = stored
    stack.bucket.put(record.pool_path, b"<html>")
    same, why = enriched(replace(record, sha256_hash=""), stack.bucket)
    assert same.control == ""
    assert why.startswith(f"{record.pool_path} ")


def test_a_build_is_filled_in_from_its_own_file_and_keeps_its_label(stored, tmp_path):
    stack, record, _ = stored
    deb = build_deb(tmp_path / "noble", "tool", "1.0", Depends="libc6 (>= 2.39)", **{"Repomgr-Build": "x"})
    path = "pool/main/t/tool/noble/tool_1.0_amd64.deb"
    stack.bucket.put(path, deb)
    build = replace(record, build="noble", pool_path=path, sha256_hash=checksums_of_file(deb).sha256)
    rich, why = enriched(build, stack.bucket)
    assert (why, rich.key, rich.depends) == ("", ("tool#1.0", "amd64#noble"), "libc6 (>= 2.39)")
    assert stanza_of(rich).count("Repomgr-Build: noble\n") == stanza_of(rich).count("Repomgr-Build") == 1
    assert stanza_of(enriched(record, stack.bucket)[0]).count("Repomgr-Build") == 0
    other = replace(build, pool_path=record.pool_path)
    assert enriched(other, stack.bucket)[0] == other
