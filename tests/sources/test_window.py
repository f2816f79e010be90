"""Which of a feed's versions are taken in."""

import pytest

from packages_app.core.ports import Silent
from packages_app.sources.download import Fetcher
from tests.feeds import Feed
from tests.sources.test_sources import source_of
from tests.stack import LOOPBACK


@pytest.mark.parametrize(
    ("lines", "taken"),
    [
        ("", ["1.9", "1.9", "1.10", "2.0"]),
        ("  newest: 2\n", ["1.10", "2.0"]),
        ("  newest: 3\n", ["1.9", "1.9", "1.10", "2.0"]),
        ("  since: '1.10'\n", ["1.10", "2.0"]),
        ("  since: '1.10'\n  newest: 1\n", ["2.0"]),
    ],
)
def test_the_newest_versions_or_those_since_one_are_taken_each_with_all_its_files(tmp_path, lines, taken):
    with Feed() as feed:
        feed.serve([{"version": version, "url": f"/f/tool_{version}_{architecture}.deb"} for version, architecture in (
            ("2.0", "amd64"), ("1.9", "amd64"), ("1.10", "amd64"), ("1.9", "arm64"))])  # fmt: skip
        offers = source_of(tmp_path, feed.endpoint, Fetcher(allowed_private=LOOPBACK), lines).offers(Silent())
    assert [offer.version for offer in offers if not offer.passed_over] == taken
    assert len(offers) == 4  # what is passed over is still compared with what is there
