"""Clients refuse a Release dated in the future and ignore one older than theirs, so a wrong clock dates none."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.errors import ClockWrong
from packages_app.core.locations import S3Store
from packages_app.core.ports import Silent
from packages_app.core.repository import load_repository
from packages_app.indexes.release import parse_release, render_release
from packages_app.models import Notice
from packages_app.publishing.dates import date_after, seconds_to_wait
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.published import Published
from packages_app.publishing.publisher import Publisher
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.signing.openpgp import generate_key
from tests.reader import read_release
from tests.stack import REPOSITORY as TREE
from tests.stack import point_settings_at

REPOSITORY = load_repository(TREE / "config" / "repository.yaml")


def publisher(hours: float = 0.0, seconds: float = 0.0) -> Publisher:
    """Give a publisher whose clock is ahead, or behind when negative."""
    ahead = timedelta(hours=hours, seconds=seconds)
    return Publisher(
        adapters.repository(),
        adapters.package_table(),
        adapters.bucket(),
        adapters.staging(),
        adapters.signer(),
        lambda: datetime.now(UTC) + ahead,
        lambda: None,
        Silent(),
        adapters.shard_cache(),
    )


def stable():
    return adapters.repository().default_suite


def date():
    return read_release(adapters.bucket(), adapters.signer().public_keyring())["Date"]


@pytest.fixture(params=["embedded", pytest.param("s3", marks=pytest.mark.outside)])
def stack(request, tmp_path, settings, db):
    if request.param == "embedded":
        return point_settings_at(settings, tmp_path)
    moto = request.getfixturevalue("moto")
    name = f"clock-{uuid.uuid4().hex}"
    stores = {place: S3Store(name, place, "eu-central-1", moto, "") for place in ("bucket", "staging")}
    stack = point_settings_at(settings, tmp_path, **stores)
    settings.SIGNING_KEY = generate_key("Test archive")
    return stack


def test_a_clock_ahead_of_the_stores_publishes_nothing(stack):
    with pytest.raises(ClockWrong, match=r"\b3[56]\d\d s\b"):
        publisher(hours=1).publish(stable(), PublicationOptions())
    # Indexes by hash go up beside the write that tells the store's clock: no client knows of them yet.
    assert [key for key in stack.dists() if "/by-hash/" not in key] == []


def test_a_clock_a_little_ahead_is_no_finding(stack):
    assert publisher(seconds=5).publish(stable(), PublicationOptions()).switched


def test_a_clock_that_was_set_back_does_not_date_a_release_before_the_one_in_place(stack):
    publisher().publish(stable(), PublicationOptions())
    before = date()
    with pytest.raises(ClockWrong, match=r"\bstable\b.*\b3[56]\d\d s\b"):
        publisher(hours=-1).publish(stable(), PublicationOptions(resign=True))
    assert date() == before


def test_a_rebuild_mends_a_date_that_no_client_took(stack, settings):
    # The store's clock was wrong too, so nothing noticed it then: that is what a rebuild finds.
    signer = adapters.signer()
    publisher().publish(stable(), PublicationOptions())
    text = stack.bucket.read("dists/stable/Release").decode()
    wrong = (datetime.now(UTC) + timedelta(days=30)).strftime("%a, %d %b %Y %H:%M:%S UTC")
    lines = [f"Date: {wrong}" if line.startswith("Date:") else line for line in text.splitlines()]
    stack.bucket.put("dists/stable/InRelease", signer.sign_clear(("\n".join(lines) + "\n").encode()))
    with pytest.raises(ClockWrong):
        publish("stable", Silent(), options=PublicationOptions(resign=True))
    assert Notice.objects.get(kind="clock_wrong", settled=None).subject == "stable"
    publish("stable", Silent(), options=PublicationOptions(rebuild=True))
    dated = datetime.strptime(date(), "%a, %d %b %Y %H:%M:%S UTC").replace(tzinfo=UTC)
    assert dated < datetime.now(UTC) + timedelta(days=1)
    assert not Notice.objects.filter(kind="clock_wrong", settled=None).exists()


def test_a_burst_of_publications_waits_for_the_clock_and_is_no_finding():
    now = datetime(2026, 1, 1, 12, 0, 0, 400_000, tzinfo=UTC)
    released = [parse_release(render_release(REPOSITORY, REPOSITORY.default_suite, {}, now + timedelta(seconds=ahead)))
                for ahead in (0, 9, 11, 600)]  # fmt: skip
    waits = [seconds_to_wait(Published("etag", release), now) for release in released]
    assert waits == pytest.approx([0, 0, 1.6, 0])  # so far ahead as the last no burst brings it: that clock is wrong
    later = now + timedelta(seconds=waits[2])
    assert date_after(Published("etag", released[2]), later, rebuild=False) == released[2].date + timedelta(seconds=1)
