"""What the tests of GitHub's releases share: a clock, a definition, a file, and questions to a source."""

import hashlib
from datetime import UTC, datetime

import pytest

from packages_app.core.definition import load_definitions
from packages_app.core.errors import UpstreamError
from packages_app.sources.registry import settings_readers
from tests.core.test_definitions import GOOD, REPOSITORY
from tests.sources.test_sources import Noting

TOKEN = "ghp_secretsecret"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEB = ("tool_1.0_amd64.deb", b"bytes of the package")
SHA256 = hashlib.sha256(DEB[1]).hexdigest()


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def read(folder, extra):
    folder.mkdir(exist_ok=True)
    head = GOOD[: GOOD.index("source:")]
    (folder / "tool.yaml").write_text(f"{head}source:\n  type: github_release\n{extra}")
    return load_definitions(folder, REPOSITORY, settings_readers())


def versions_of(source, progress=None):
    return [offer.version for offer in source.offers(progress or Noting())]


def fails(source, said, error=UpstreamError):
    with pytest.raises(error, match=said) as failed:
        source.offers(Noting())
    assert failed.value.remedy
    return failed.value
