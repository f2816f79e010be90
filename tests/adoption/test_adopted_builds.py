"""A vendor's repositories for several distributions, each with its own build of one version, taken over together."""

from packages_app.services import adapters
from tests.adoption import existing
from tests.adoption.test_adopt_repository import refused, run
from tests.reader import read_suite
from tests.services.lifecycle.test_builds import SUITES, deb_for, digest


def test_the_definition_says_which_suite_has_which_build(embedded, tmp_path):
    embedded.configure(suites=SUITES)
    debs = {label: deb_for(tmp_path, label) for label in ("noble", "bookworm")}
    orders = []
    for label, deb in debs.items():
        theirs = existing.plain(tmp_path / f"theirs-{label}", [deb])
        orders.append((theirs.root, "--keyring", theirs.keyring(theirs.root), "--suite", f"stable={label}"))
    run(*orders[0])
    assert refused(*orders[1]).code == "repository_refused"
    assert [record.key for record in embedded.records()] == [("tool#1.0", "amd64")]


def test_adopted_builds_are_records_of_their_own(embedded, tmp_path):
    embedded.configure(suites=SUITES)
    embedded.define_uploads("tool", suites=["stable"], builds={"noble": "*_noble_*", "bookworm": "*_bookworm_*"})
    debs = {label: deb_for(tmp_path, label) for label in ("noble", "bookworm")}
    for label, deb in debs.items():
        theirs = existing.plain(tmp_path / f"theirs-{label}", [deb])
        run(theirs.root, "--keyring", theirs.keyring(theirs.root), "--suite", f"stable={label}")
    found = {record.built_for: (record.suites, record.pool_path) for record in embedded.records()}
    assert found == {f"amd64#{label}": ((label,), f"pool/main/t/tool/{label}/tool_1.0_amd64.deb") for label in debs}
    for label, deb in debs.items():
        [stanza] = read_suite(embedded.bucket, adapters.signer().public_keyring(), label).values()
        assert (stanza["SHA256"], stanza["Repomgr-Build"]) == (digest(deb), label)
