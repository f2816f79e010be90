"""Clients take indexes by hash: caches that lag and publications between two requests leave them a whole repository."""

from __future__ import annotations

import pytest

from tests.apt.archive import IN_RELEASE, INDEXES, new_client

CANONICAL = [f"{INDEXES}{name}" for name in ("Packages", "Packages.gz", "Packages.xz")]


def missing(archive):
    for key in CANONICAL:
        archive.stack.bucket.delete(key)


def of_another_publication(archive):
    before = [archive.stack.bucket.read(key) for key in CANONICAL]
    archive.publish("1.2")
    archive.server.stale.update(zip(CANONICAL, before, strict=True))


@pytest.mark.parametrize("canonical_names", [missing, of_another_publication])
def test_indexes_are_fetched_by_hash_alone(archive, canonical_names):
    archive.publish("1.1")
    canonical_names(archive)
    archive.server.asked.clear()
    archive.client.update()
    assert archive.client.candidate("tool") == ("1.1" if canonical_names is missing else "1.2")
    fetched = [key for key in archive.server.asked if key.startswith(INDEXES)]
    assert fetched
    assert [key for key in fetched if not key.startswith(f"{INDEXES}by-hash/SHA256/")] == []


def test_a_client_between_two_publications_reads_the_older_one_whole(archive):
    archive.server.stale[IN_RELEASE] = archive.in_release
    for version in ("1.1", "1.2"):
        archive.publish(version)
    late = new_client(archive.folder / "late", archive.server)
    late.update()
    assert late.candidate("tool") == "1.0"
    late.apt_get("install", "--download-only", "tool")
    assert [deb.name for deb in (late.root / "var/cache/apt/archives").glob("*.deb")] == ["tool_1.0_amd64.deb"]
    archive.server.stale.clear()
    late.update()
    assert late.candidate("tool") == "1.2"


def test_a_cache_that_lags_takes_no_client_back(archive):
    older = archive.in_release
    archive.publish("1.1")
    archive.client.update()
    archive.server.stale[IN_RELEASE] = older
    archive.client.update()
    assert archive.client.candidate("tool") == "1.1"


def test_a_changed_index_is_refused(archive):
    archive.publish("1.1")
    good = {key: archive.stack.bucket.read(key) for key, _ in archive.stack.bucket.keys(INDEXES)}
    for key, body in good.items():
        archive.stack.bucket.put(key, body[:-1] + bytes([body[-1] ^ 1]))
    assert "Hash Sum mismatch" in archive.client.refused()
    assert archive.client.candidate("tool") == "1.0"
    for key, body in good.items():
        archive.stack.bucket.put(key, body)
    archive.client.update()
    assert archive.client.candidate("tool") == "1.1"
