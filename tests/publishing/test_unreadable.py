"""A record that clients' apt can't read costs no other its place: it is left out, and named wherever one looks."""

import pytest

from packages_app.core.ports import Silent
from packages_app.models import Notice, Publication
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.services.verification.verify import verify_repository
from packages_app.verification.finding import Part
from tests.reader import read_everything
from tests.records import make_record

pytestmark = pytest.mark.outside
BAD = ("bad", "1.0", "amd64")
LONG = f"Package: bad\nVersion: 1.0\nArchitecture: amd64\nSection: {'x' * 70_000}"


@pytest.fixture
def stack(embedded, settings):
    settings.APT_CHECK = "off"
    return embedded


def put(stack, *records):
    for record in records:
        stack.table.put_new(record)
        stack.bucket.put(record.pool_path, f"{record.package_name}#{record.version}#{record.architecture}".encode())


def unreadable():
    """A record as an older release, or a hand, may have written it."""
    return make_record(*BAD, control=LONG)


def readers_see(stack):
    return {package for package, *_ in read_everything(stack.bucket, adapters.signer().public_keyring())}


def left_out():
    return Notice.objects.filter(kind=Notice.Kind.RECORDS_LEFT_OUT, settled=None)


@pytest.mark.parametrize("choice", ["auto", "required"])
@pytest.mark.parametrize("first", [True, False])
def test_the_suite_is_published_without_it_and_says_so(stack, settings, choice, first):
    put(stack, make_record("tool"), make_record("other", "2.0", "all"))
    if not first:
        publish("stable", Silent())
    settings.APT_CHECK = choice
    put(stack, unreadable(), make_record("third"))
    # What changes a published index in places, apt is asked about only where the setting requires it.
    if first or choice == "required":
        publish("stable", Silent())
    else:
        force_rebuild(["stable"], Silent())
    assert readers_see(stack) == {"tool", "other", "third"}
    [named] = Publication.objects.latest("published_at").left_out
    assert (named["package_id"], named["architecture"]) == ("bad#1.0", "amd64")
    assert "SIGABRT" in " ".join(named["reasons"])
    assert left_out().get().subject == "stable"
    stack.table.set_suites(unreadable(), [])
    publish("stable", Silent())
    assert not left_out().exists()


def test_a_verification_names_it_and_finds_nothing_else(stack, served, settings):
    put(stack, make_record("tool"), unreadable())
    settings.APT_CHECK = "auto"
    publish("stable", Silent())
    findings = verify_repository(["stable"], Silent(), part=Part.SUITES).findings
    of_suite = [(finding.code, finding.where) for finding in findings if finding.suite]
    assert of_suite == [("record_unreadable", "stable: bad 1.0 amd64")]


def test_what_was_published_before_anybody_asked_apt_is_taken_out(stack, settings):
    put(stack, make_record("tool"), unreadable())
    publish("stable", Silent())
    assert readers_see(stack) == {"tool", "bad"}
    settings.APT_CHECK = "auto"
    force_rebuild(["stable"], Silent())
    assert readers_see(stack) == {"tool"}
