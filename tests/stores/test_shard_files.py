"""The cache of shards in files: Django's own, for many files that are compressed already."""

import random
from pathlib import Path

from django.core.cache.backends.filebased import FileBasedCache

from packages_app.stores.shard_files import ShardFiles

VALUE = (b"\x1f\x8b" * 20_000, b"\xfd7zXZ", 5, "seal")


def opened(kind, folder, **options):
    return kind(str(folder), {"TIMEOUT": 3600, "OPTIONS": options})


def test_what_is_kept_comes_back_here_and_in_djangos_own(tmp_path):
    ours = opened(ShardFiles, tmp_path)
    ours.set("a", VALUE)
    assert ours.get("a") == VALUE == opened(FileBasedCache, tmp_path).get("a")
    assert ours.get("b") is None
    [file] = Path(tmp_path).iterdir()
    assert file.stat().st_size > len(VALUE[0])  # as it is
    ours.set("a", VALUE, timeout=-1)
    assert ours.get("a") is None


def test_files_are_counted_now_and_then_and_the_cache_stays_bounded(tmp_path):
    counts = 0

    class Counted(ShardFiles):
        def _list_cache_files(self):
            nonlocal counts
            counts += 1
            return super()._list_cache_files()

    random.seed(1)
    ours = opened(Counted, tmp_path, MAX_ENTRIES=50)
    for number in range(3000):
        ours.set(str(number), number)
    there = len(list(Path(tmp_path).iterdir()))
    assert 0 < counts < 200
    assert there < 2900
