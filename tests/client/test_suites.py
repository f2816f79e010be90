"""What the client does to suites, and what it tells of them."""

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
    [suite] = done.said["suites"]
    assert (done.code, suite["name"], done.said.keys()) == (0, "stable", {"suites", "notices", "jobs"})
    assert 0 < suite["valid_seconds"] <= 31 * 86_400
    told = product.client("status", as_json=False)
    assert (told.code, told.out.startswith("stable: Release "), told.err) == (0, True, "")
