"""A GitHub, and a source that asks it."""

import pytest

from packages_app.core.locations import FolderStore
from packages_app.core.source_tokens import SourceTokens
from packages_app.services.upstream_answers import StoredAnswers
from packages_app.sources.download import Fetcher, Limits
from packages_app.sources.github_release import GitHubRelease
from packages_app.stores.open_store import open_store
from tests.github_server import GitHub
from tests.sources.github import Clock, read
from tests.stack import LOOPBACK


@pytest.fixture
def github():
    with GitHub() as github:
        yield github


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path):
    store = open_store(FolderStore(tmp_path / "staging"))
    store.create()
    return store


@pytest.fixture
def source(github, clock, store, tmp_path):
    """Makes the source as a new process does: only `store` and `clock` are shared."""

    def make(extra="", *, token="", api=None, token_host="127.0.0.1"):
        settings = f"  repository: owner/tool\n  api: {api or github.url}\n{extra}"
        definitions = read(tmp_path / "definitions", settings)
        assert definitions.problems == ()
        fetcher = Fetcher(
            Limits(wait=0.01, connect=2, read=1),
            sleep=lambda _seconds: None,
            answers=StoredAnswers(store),
            tokens=SourceTokens({token_host: token}),
            clock=clock,
            allowed_private=LOOPBACK,
        )
        return GitHubRelease(definitions.by_name["tool"], fetcher)

    return make
