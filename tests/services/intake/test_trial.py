"""Trying a definition asks upstream, says what it would take and why not the rest, and leaves nothing behind."""

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import RightMissing
from packages_app.core.ports import Silent
from packages_app.services import adapters
from packages_app.services.configuration.definition_form import text_of
from packages_app.services.configuration.definitions import save_definition
from packages_app.services.intake.sync import sync_packages
from packages_app.services.intake.trial import request_trial
from tests.debs import build_deb
from tests.github_server import GitHub


@pytest.fixture
def github():
    with GitHub() as github:
        yield github


def text(github, **more):
    said = {
        "name": "tool",
        "architecture": "amd64",
        "source.repository": "owner/tool",
        "source.api": github.url,
        **more,
    }
    return text_of("github_release", said)[0]


def left_behind(stack):
    return stack.records(), [*stack.bucket.keys("")], [*stack.staging.keys("")], adapters.documents().documents()


def test_a_trial_says_what_it_would_take_and_why_not_the_rest_and_keeps_nothing(embedded, github, tmp_path):
    root = get_user_model().objects.create(username="root", is_superuser=True)
    github.release("v1.0", build_deb(tmp_path / "1", "tool", "1.0"))
    github.release("v2.0-rc.1", build_deb(tmp_path / "2", "tool", "2.0~rc1"))
    save_definition("tool", text(github), read=0, user=root)
    sync_packages(["tool"], Silent())
    embedded.run_jobs()
    github.release("v1.1", build_deb(tmp_path / "3", "tool", "1.1"))
    before = left_behind(embedded)
    request_trial("tool", text(github, **{"source.prereleases": "false"}), root)
    request_trial("tool", text(github, **{"source.prereleases": "true"}), root)
    of_two = {"source.newest": "1", "source.prereleases": "true", "packages": "tool-doc"}
    request_trial("tool", text(github, **of_two), root)
    request_trial("tool", text(github, **{"source.repository": "no/such"}), root)
    request_trial("tool", text(github, suites="no-such"), root)
    without, with_early, newest, away, unsound = embedded.run_jobs()
    assert (without.state, without.result["known"]) == ("done", 1)
    assert [one.split()[0] for one in without.result["would_take"]] == ["1.1"]
    assert any("2.0-rc.1" in note["text"] for step in without.steps for note in step["notes"])
    assert len(with_early.result["would_take"]) == 2
    assert (newest.result["known"], newest.result["passed_over"], len(newest.result["would_take"])) == (1, 1, 1)
    assert (away.state, away.result["would_take"], bool(away.result["failed"])) == ("done", [], True)
    assert (unsound.state, unsound.error_code) == ("failed", "bad_definition")
    assert left_behind(embedded) == before
    assert github.downloads.asked(".deb") != []
    with pytest.raises(RightMissing):
        request_trial("tool", text(github), get_user_model().objects.create(username="nobody"))
