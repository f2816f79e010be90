"""`manage.py snapshot` with what it can't do: exit code 2 and a code, and nothing is changed."""

import pytest

from packages_app.services.intake.uploads import stage_upload
from tests.commands.calling import call, refused
from tests.debs import build_deb


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("create", "stable", "q4"), "snapshot_exists"),
        (("create", "stable"), "snapshot_refused"),
        (("create",), "package_refused"),
        (("create", "stable", "q5", "--publication", "none"), "publication_unknown"),
        (("create", "stable", "q4", "--dry-run"), "snapshot_exists"),
        (("merge", "q5", "stable/q4", "stable", "--left-wins"), "consent_missing"),  # nobody is there to be asked
        (("merge", "q4", "stable/q4", "stable", "--yes"), "snapshot_exists"),
        (("merge", "ghost/q5", "stable/q4", "--yes"), "package_refused"),
        (("merge", "q5", "stable/q4", "../stable", "--yes"), "snapshot_refused"),
        (("filter", "q5", "stable/q4", "tool (", "--yes"), "bad_query"),
        (("filter", "q5", "stable/q9", "tool", "--yes"), "snapshot_refused"),
        (("fill", "ghost", "stable/q4", "--yes"), "package_refused"),
        (("fill", "stable", "stable/q4", "--yes"), "nothing_to_roll_back"),
        (("delete", "stable", "q4"), "consent_missing"),  # nobody is there to be asked
        (("delete", "stable", "q5", "--yes"), "snapshot_refused"),
        (("list", "ghost"), "package_refused"),
    ],
)
def test_it_refuses_by_code_and_changes_nothing(embedded, tmp_path, arguments, code):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    stage_upload(deb, deb.name)
    embedded.run_jobs()
    call("snapshot", "create", "stable", "q4", "--reason", "audited")
    before = embedded.dists()
    refusal = refused("snapshot", *arguments)
    assert (refusal.returncode, refusal.code) == (2, code)
    assert embedded.dists() == before
    assert call("snapshot", "list").splitlines()[0].endswith("(audited)")
