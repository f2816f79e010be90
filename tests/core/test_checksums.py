"""Checksums of small and large runs of bytes."""

import hashlib
import random
import threading

import pytest

from packages_app.core.checksums import CHUNK_BYTES, checksums_of, checksums_of_bytes, checksums_of_file

SIZES = (0, 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 1, 21 * CHUNK_BYTES + 7)
"""The last two are hashed by several threads, the last with more chunks than may wait."""


def wanted(data):
    hashed = [hashlib.new(name, data).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")]
    return (len(data), *hashed)


def found(checksums):
    return (checksums.size, checksums.md5, checksums.sha1, checksums.sha256, checksums.sha512)


@pytest.mark.parametrize("size", SIZES)
def test_every_digest_is_that_of_all_bytes_in_their_order(size, tmp_path):
    data = random.Random(size).randbytes(size)
    path = tmp_path / "file"
    path.write_bytes(data)
    cut = (data[at : at + 300_000] for at in range(0, size, 300_000))
    for checksums in (checksums_of_file(path), checksums_of_bytes(data), checksums_of(cut)):
        assert found(checksums) == wanted(data)


@pytest.mark.parametrize("size", SIZES)
def test_each_chunk_is_read_once(size):
    reads = []

    def chunks():
        for at in range(0, size, CHUNK_BYTES):
            reads.append(at)
            yield bytes(min(CHUNK_BYTES, size - at))

    assert checksums_of(chunks()).size == size
    assert reads == list(range(0, size, CHUNK_BYTES))


def test_a_stream_that_breaks_off_is_an_error_and_leaves_no_thread():
    def breaks_off():
        yield bytes(3 * CHUNK_BYTES)
        raise OSError("the disk is gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is gone"):
        checksums_of(breaks_off())
    assert threading.active_count() == before
