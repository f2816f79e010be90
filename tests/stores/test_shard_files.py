"""The cache of shards in files: Django's own, for many files, whose values are bytes with a seal that is looked at."""

import pickle
import random
import zlib
from pathlib import Path

import pytest
from django.core.cache.backends.filebased import FileBasedCache

from packages_app.stores.sealed_values import SealBroken
from packages_app.stores.shard_files import ShardFiles
from tests.stores.test_sealed_values import Evil

VALUE = (b"\x1f\x8b" * 20_000, b"\xfd7zXZ", 5, "seal")


def opened(kind, folder, **options):
    return kind(str(folder), {"TIMEOUT": 3600, "OPTIONS": options})


def test_what_is_kept_comes_back_here_and_in_another_process_s(tmp_path):
    ours = opened(ShardFiles, tmp_path)
    ours.set("a", VALUE)
    assert ours.get("a") == VALUE == opened(ShardFiles, tmp_path).get("a")
    assert ours.get("b") is None
    [file] = Path(tmp_path).iterdir()
    assert file.stat().st_size > len(VALUE[0])  # as it is
    assert ours.touch("a", timeout=60)
    assert ours.get("a") == VALUE
    ours.set("a", VALUE, timeout=None)
    assert ours.get("a") == VALUE
    ours.set("a", VALUE, timeout=-1)
    assert not ours.has_key("a")
    assert ours.get("a") is None
    assert not ours.touch("a")


def test_what_another_wrote_is_neither_run_nor_believed(tmp_path):
    ours, trap = opened(ShardFiles, tmp_path / "cache"), tmp_path / "trap"
    ours.set("a", VALUE)
    [file] = (tmp_path / "cache").iterdir()
    sound = file.read_bytes()
    head, value = sound[:12], sound[12:]
    for poison in (head + pickle.dumps(Evil(trap)), head + value[:32] + pickle.dumps(Evil(trap)), sound[:-1], head):
        file.write_bytes(poison)
        with pytest.raises(SealBroken):
            ours.get("a")
    for other_form in (pickle.dumps(None) + zlib.compress(pickle.dumps(Evil(trap))), pickle.dumps(Evil(trap)), b""):
        file.write_bytes(other_form)
        assert ours.get("a") is None
        assert not file.exists()
        file.write_bytes(other_form)
        assert not ours.has_key("a")
    assert not trap.exists()


def test_djangos_own_would_run_it(tmp_path):
    """The poison is one: what this replaces makes the folder."""
    django = opened(FileBasedCache, tmp_path / "cache")
    django.set("a", VALUE)
    [file] = (tmp_path / "cache").iterdir()
    file.write_bytes(pickle.dumps(None) + zlib.compress(pickle.dumps(Evil(tmp_path / "trap"))))
    django.get("a")
    assert (tmp_path / "trap").exists()


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
