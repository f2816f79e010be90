"""Shards in a Redis that several hosts share: what others write there is looked at as bytes, and never run."""

import os
import pickle
from pathlib import Path

import pytest
import redis
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from structlog.testing import capture_logs

from packages_app.publishing.shard_cache import ShardCache
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.stores.sealed_values import SealBroken, SealedValues
from repomgr import environment
from tests.debs import build_deb
from tests.publishing.test_shard_cache import run_of
from tests.reader import read_suite

VALUE = (b"\x1f\x8b" * 100, b"\xfd7zXZ", 5, "seal")


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.fixture
def shared(redis_url, monkeypatch):
    """The settings of a cache in Redis, as the environment gives them, and a client of that Redis."""
    monkeypatch.setenv("SHARD_CACHE_URL", redis_url)
    values = environment.cache("SHARD_CACHE_URL", default="")
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        yield {**values, "TIMEOUT": 3600}, client
        client.flushdb()


@pytest.fixture
def cache(shared):
    return RedisCache(shared[0]["LOCATION"], shared[0])


def test_what_is_kept_in_redis_comes_back(cache):
    made = ShardCache(cache).make(run_of("a", "b"), with_xz=True)
    with capture_logs() as logs:
        assert ShardCache(cache).make(run_of("a", "b"), with_xz=True) == made
        assert ShardCache(cache).text_of(made.shard.sha256) == made.text
    assert logs == []
    assert cache.get("nothing") is None


def test_what_another_wrote_is_neither_run_nor_believed(shared, cache, tmp_path):
    _, client = shared
    trap = tmp_path / "trap"
    made = ShardCache(cache).make(run_of("a"), with_xz=True)
    [key] = client.keys()
    sound = client.get(key)
    other = SealedValues()
    other._key = b"another's key"
    for poison in (
        pickle.dumps(Evil(trap)),
        sound[:32] + pickle.dumps(Evil(trap)),
        sound[:-1] + bytes([sound[-1] ^ 1]),
        other.dumps(VALUE),
        b"5",
        b"",
    ):
        client.set(key, poison)
        with capture_logs() as logs:
            assert ShardCache(cache).text_of(made.shard.sha256) is None
        assert [log["event"] for log in logs] == ["shard_cache_failed"]
        assert ShardCache(cache).make(run_of("a"), with_xz=True) == made
        assert client.get(key) == sound
        assert not trap.exists()


def test_a_seal_is_another_with_another_secret(settings):
    sealed = SealedValues().dumps(VALUE)
    assert SealedValues().loads(sealed) == VALUE
    settings.SECRET_KEY = "another"
    with pytest.raises(SealBroken):
        SealedValues().loads(sealed)


def test_a_repository_publishes_through_it(embedded, shared, settings, tmp_path):
    values, client = shared
    settings.CACHES = {**settings.CACHES, "shards": values}
    assert isinstance(caches["shards"], RedisCache)
    embedded.define_uploads("tool")
    with capture_logs() as logs:
        for version in ("1.0", "1.1"):
            deb = build_deb(Path(tmp_path / version), "tool", version)
            stage_upload(deb, deb.name)
            assert {job.state for job in embedded.run_jobs()} == {"done"}
    assert client.dbsize() > 0
    assert not [log for log in logs if "cache_failed" in log["event"]]
    shown = {key[1] for key in read_suite(embedded.bucket, adapters.signer().public_keyring(), "stable")}
    assert shown == {"1.0", "1.1"}
