"""What publications held, kept in staging: true of each Release, whoever crashed, and cheap."""

import gzip
from datetime import timedelta

import pytest

from packages_app.core.errors import StoreUnavailable
from packages_app.core.history_errors import ContentsGone
from packages_app.core.record import named_key
from packages_app.publishing.generations import release_digest
from packages_app.publishing.kept_contents import (
    contents_of,
    keep_full,
    kept_contents,
    publications_in_place,
    unneeded,
    way_back,
)
from packages_app.publishing.published import read_published
from tests.sweeping.history import SIGNER, History


@pytest.fixture
def history(tmp_path):
    return History(tmp_path)


def publish(history, *versions, fails=False):
    """Let the suite show these versions of its package, or die just before; gives the digest of what is in place."""
    history.wait(minutes=1)
    history.offer(*versions)
    history.publish(fails=fails)
    return release_digest(in_place(history).text)


def in_place(history):
    return read_published(history.bucket, "stable", SIGNER.public_keyring())


def versions_in(history, digest):
    return [named_key(key).split()[1] for key in sorted(contents_of(history.bucket, history.staging, "stable", digest))]


def kept(history):
    return kept_contents(history.staging, "stable")


def forget(history, folder):
    for key, _ in [*history.staging.keys(folder)]:
        history.staging.delete(key)


def test_a_publication_keeps_what_it_changed_and_a_whole_one_all(history):
    first, second = publish(history, "1"), publish(history, "1", "2")
    third = publish(history, "3")
    history.wait(minutes=1)
    history.publish()  # its signature renewed
    assert [versions_in(history, one) for one in (first, second, third)] == [["1"], ["1", "2"], ["3"]]
    assert versions_in(history, release_digest(in_place(history).text)) == ["3"]
    full, *changes = kept(history)
    assert (full.full, [one.full for one in changes]) == (True, [False, False, False])
    assert gzip.decompress(history.staging.read(changes[0].key)) == b"2\n+tool 2 amd64\n"
    assert publications_in_place(kept(history), third) == [third, second, first]


def test_a_publisher_that_died_before_the_switch_makes_nothing_wrong(history):
    first = publish(history, "1")
    assert publish(history, "1", "2", fails=True) == first
    lost = max(kept(history), key=lambda one: one.date).sha256
    second = publish(history, "3")
    assert (versions_in(history, first), versions_in(history, second)) == (["1"], ["3"])
    assert versions_in(history, lost) == ["1", "2"]  # what it would have shown; it is on nobody's way back
    assert publications_in_place(kept(history), second) == [second, first]


def test_a_store_that_fails_while_contents_are_kept_lets_nothing_be_switched(history):
    first = publish(history, "1")
    history.wait(minutes=1)
    history.offer("2")
    put = history.staging.put

    def refuse(key, body, **options):
        if key.startswith("contents/"):
            raise StoreUnavailable(f"{key} is refused.", remedy="None: it is brought in by a test.")
        return put(key, body, **options)

    history.staging.put = refuse
    with pytest.raises(StoreUnavailable):
        history.publish()
    assert release_digest(in_place(history).text) == first
    history.staging.put = put
    assert versions_in(history, publish(history, "2")) == ["2"]


@pytest.mark.parametrize("damage", ["of an earlier release", "damaged", "cut off"])
def test_what_is_not_kept_is_read_out_of_indexes_while_they_are_there(history, damage):
    """As after an upgrade from a release that kept no contents, or where the full list is damaged."""
    first = publish(history, "1")
    if damage == "of an earlier release":
        forget(history, "contents/")
    else:
        history.staging.put(kept(history)[0].key, gzip.compress(b"1\n") if damage == "cut off" else b"nothing of gzip")
    second = publish(history, "1", "2")
    assert (versions_in(history, first), versions_in(history, second)) == (["1"], ["1", "2"])
    assert keep_full(history.bucket, history.staging, "stable", in_place(history))
    forget(history, "releases/")
    assert versions_in(history, second) == ["1", "2"]
    with pytest.raises(ContentsGone):
        contents_of(history.bucket, history.staging, "stable", first)
    assert not keep_full(history.bucket, history.staging, "stable", in_place(history))


def test_a_heavy_way_back_ends_in_a_new_full_list(history):
    digests = [publish(history, *map(str, range(number + 1))) for number in range(4)]
    assert len(way_back(kept(history), digests[-1]).changes) == 3
    assert keep_full(history.bucket, history.staging, "stable", in_place(history))
    assert way_back(kept(history), digests[-1]).changes == ()
    last = publish(history, "9")
    assert [one.sha256 for one in way_back(kept(history), last).changes] == [last]
    assert versions_in(history, digests[2]) == ["0", "1", "2"]


def test_what_a_kept_publication_stands_on_stays_and_the_rest_goes(history):
    digests = [publish(history, *map(str, range(number + 1))) for number in range(4)]
    assert unneeded(kept(history), [digests[3]], history.now) == []
    gone = unneeded(kept(history), [digests[1]], history.now + timedelta(days=1))
    assert [one.sha256 for one in gone] == digests[2:]
    keep_full(history.bucket, history.staging, "stable", in_place(history))
    for one in unneeded(kept(history), [digests[3]], history.now + timedelta(days=1)):
        history.staging.delete(one.key)
    assert versions_in(history, digests[3]) == ["0", "1", "2", "3"]
