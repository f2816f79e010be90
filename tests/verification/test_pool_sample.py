"""Which pool files a sample has: the newest versions, and others by chance that can be had again."""

from packages_app.verification.finding import PoolScope
from packages_app.verification.pool import chosen, pool_file_of
from tests.records import make_record

RECORDS = [make_record("tool", f"1.{number}") for number in range(50)] + [make_record("other", "3.0")]
NEWEST = {RECORDS[49].pool_path, RECORDS[50].pool_path}


def paths(records, *arguments):
    return [file.path for file in chosen(map(pool_file_of, records), *arguments)]


def test_a_sample_has_the_newest_versions_and_as_many_others_as_asked_for():
    sample = paths(RECORDS, PoolScope.SAMPLE, 10, "seed")
    assert set(sample) >= NEWEST
    assert len(sample) == 12
    assert set(paths(RECORDS, PoolScope.SAMPLE, 0, "seed")) == set()


def test_the_seed_alone_decides_which_others():
    assert paths(RECORDS, PoolScope.SAMPLE, 10, "seed") == paths(RECORDS[::-1], PoolScope.SAMPLE, 10, "seed")
    assert len({tuple(paths(RECORDS, PoolScope.SAMPLE, 10, f"seed {number}")) for number in range(5)}) == 5


def test_a_file_more_moves_at_most_one_of_the_others_out():
    before = set(paths(RECORDS, PoolScope.SAMPLE, 10, "seed"))
    after = set(paths([*RECORDS, make_record("tool", "0.1")], PoolScope.SAMPLE, 10, "seed"))
    assert len(before - after) <= 1


def test_a_sample_costs_the_same_however_many_packages_there_are():
    many = [make_record(f"tool{number}", "1.0") for number in range(500)]
    assert len(paths(many, PoolScope.SAMPLE, 20, "seed")) == 20


def test_all_is_all_and_none_is_none():
    assert paths(RECORDS, PoolScope.ALL, 1, "seed") == sorted(record.pool_path for record in RECORDS)
    assert paths(RECORDS, PoolScope.NONE, 1, "seed") == []


def test_what_has_no_hash_to_compare_with_is_not_read():
    assert paths([make_record(sha256_hash="")], PoolScope.ALL, 1, "") == []
    assert paths([make_record(version="1_0")], PoolScope.SAMPLE, 5, "") == ["pool/main/h/hello/hello_1_0_amd64.deb"]
