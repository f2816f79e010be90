"""What the client does to suites, and what it tells of them."""

import sqlite3
from contextlib import closing, contextmanager

import httpx

from packages_app.core.home import TABLE_FILE
from repomgr.servers.process import wait_until
from tests.debs import build_deb


def test_versions_are_withdrawn_promoted_and_rolled_back_once_somebody_agrees(product, tmp_path):
    for version in ("5.0", "5.1"):
        assert product.client("push", build_deb(tmp_path, "other", version)).code == 0
    word = ("other", "5.1", "amd64")
    refused = product.client("withdraw", *word, "--reason", "a test")
    assert (refused.code, refused.said["code"]) == (2, "not_agreed")
    done = product.client("withdraw", *word, "--yes", "--reason", "a test")
    assert (done.code, done.said["state"], done.said["kind"]) == (0, "done", "move")

    def suites_of():
        return {one["version"]: one["suites"] for one in product.client("packages", "other").said}

    assert suites_of() == {"5.1": [], "5.0": ["stable"]}
    assert [one["version"] for one in product.client("packages", "other", "--most", "1").said] == ["5.1"]
    told = product.client("withdraw", "other (= 5.0)", "--yes", "--reason", "a test", as_json=False)
    assert (told.code, "other amd64: 5.0 -> none" in told.err) == (0, True), told.err
    kept = product.client("snapshot", "stable", "of-a-test")
    assert (kept.code, kept.said["state"]) == (0, "done")
    taken = product.client("snapshot", "stable", "of-a-test")
    assert (taken.code, taken.said["code"]) == (2, "snapshot_exists")
    refused = [
        product.client(*words)
        for words in (
            ("withdraw", "other", "5.0", "--reason", "x"), ("withdraw", "((", "--reason", "x"), ("wait", "no-job"),
            ("promote", "other", "--to", "nowhere", "--yes"), ("rollback", "nowhere", "--yes"),
            ("promote", "other", "--to", "stable", "--rollout", "x", "--yes"),
        )
    ]  # fmt: skip
    assert [(done.code, done.said["code"]) for done in refused] == [
        (2, "bad_arguments"), (2, "bad_query"), (2, "bad_request"), (2, "package_refused"), (2, "publication_unknown"),
        (2, "bad_arguments"),
    ]  # fmt: skip
    back = product.client("rollback", "stable", "--yes")
    assert (back.code, back.said["state"]) == (0, "done")


def test_status_tells_of_suites_and_of_what_is_under_way(product):
    done = product.client("status")
    suite, _ = done.said["suites"]
    assert (done.code, suite["name"], done.said.keys()) == (0, "stable", {"suites", "notices", "jobs"})
    assert 0 < suite["valid_seconds"] <= 31 * 86_400
    told = product.client("status", as_json=False)
    assert (told.code, told.out.startswith("stable: Release "), told.err) == (0, True, "")


def test_a_version_comes_into_another_suite_too_or_leaves_its_own_for_it(product, tmp_path):
    for version in ("6.0", "6.1", "6.2"):
        done = product.client("push", build_deb(tmp_path, "acme-two", version), "--suite", "testing")
        assert (done.code, done.said["publications"][0]["suite"]) == (0, "testing")

    def suites_of():
        said = product.client("packages", "acme-two (>= 6.0)").said
        return {one["version"]: " ".join(sorted(one["suites"])) for one in said}

    told = product.client("promote", "acme-two (= 6.1)", "--to", "stable", "--yes", as_json=False)
    assert (told.code, "stable: acme-two amd64: none -> 6.1" in told.err) == (0, True), told.err
    assert suites_of() == {"6.2": "testing", "6.1": "stable testing", "6.0": "testing"}
    older = product.client("promote", "acme-two (= 6.0)", "--to", "stable", "--newer", "--yes")
    assert (older.code, older.said["code"]) == (2, "package_refused")
    done = product.client(
        "promote", "acme-two", "6.2", "amd64", "--to", "stable", "--newer", "--suite", "testing", "--rollout", "5,100",
        "--reason", "tried", "--yes",
    )  # fmt: skip
    assert (done.code, done.said["state"], done.said["kind"]) == (0, "done", "move")
    assert suites_of() == {"6.2": "stable", "6.1": "stable testing", "6.0": "testing"}

    def published():
        return httpx.get(f"{product.running.public_url}/dists/stable/main/binary-amd64/Packages").text

    wait_until(lambda: "Version: 6.2\n" in published(), "the publication")
    [stanza] = [one for one in published().split("\n\n") if "Version: 6.2\n" in f"{one}\n"]
    assert "Phased-Update-Percentage: 5" in stanza


@contextmanager
def nothing_written(product):
    """Let nobody write to the package table for the block, as another's long transaction does."""
    with closing(sqlite3.connect(product.running.home / "var" / TABLE_FILE, isolation_level=None)) as table:
        table.execute("BEGIN IMMEDIATE")
        yield


def test_what_is_on_its_way_or_held_back_when_the_time_is_over_has_a_code_of_its_own(product, tmp_path):
    deb = build_deb(tmp_path, "acme-two", "7.0")
    with nothing_written(product):
        pushed = product.client("push", deb, "--suite", "testing", "--wait", "1")
        job = pushed.said["job"]["id"]
        waited = [product.client("wait", job, "--wait", "1", as_json=as_json) for as_json in (True, False)]
        left = product.client("wait", job, "--no-wait")
    assert [(done.code, done.said["standing"]) for done in (pushed, waited[0], left)] == [(3, "waiting")] * 3
    assert (waited[1].code, waited[1].out.splitlines()[-1]) == (3, f"waiting: repomgr wait {job}")
    shown = product.client("wait", job)
    assert (shown.code, shown.said["standing"]) == (0, "shown")
    with nothing_written(product):
        moved = product.client("promote", "acme-two", "7.0", "amd64", "--to", "stable", "--yes", "--wait", "1")
    assert (moved.code, moved.said["kind"], moved.said["ended"]) == (3, "move", None)
    assert product.client("wait", moved.said["id"]).code == 0
    held = product.client("push", build_deb(tmp_path, "acme-two", "8.0", Essential="yes"), "--suite", "testing")
    assert (held.code, held.said["standing"]) == (3, "held back")
    again = product.client("wait", held.said["job"]["id"])
    assert (again.code, again.said["standing"]) == (3, "held back")
    back = product.client("withdraw", "acme-two", "8.0", "amd64", "--yes", "--reason", "a test")
    assert back.code == 0
