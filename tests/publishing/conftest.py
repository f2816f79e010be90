"""Candidates."""

import pytest

from packages_app.publishing.candidate import make_candidate
from packages_app.publishing.whole_draft import Before, collect, whole_draft
from packages_app.services import adapters
from tests.caches import MemoryCache


@pytest.fixture
def cache(request):
    return MemoryCache(request.node.name)


@pytest.fixture
def candidate_of(embedded, tmp_path):
    def make(records):
        suite, folder = adapters.repository().default_suite, tmp_path / "draft"
        draft = whole_draft(folder, suite, collect(suite, records), (), Before(), adapters.shard_cache(), rebuild=False)
        return make_candidate(adapters.repository(), suite, folder, draft, adapters.signer(), adapters.now())

    return make
