"""The doctor and a clock that is off: by a server's, by what clients were given, by what was recorded."""

from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.last_given import LastGiven
from packages_app.core.locations import S3Store
from packages_app.core.ports import Silent
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.publication.publish import publish
from packages_app.services.setup.doctor import examine
from tests.commands.calling import call, refused
from tests.loopback import LoopbackServer, QuietHandler

TWO_HOURS = timedelta(hours=2)


def clock():
    return next(probed for probed in examine() if probed.name == "clock")


def test_a_clock_like_all_others_is_well(embedded):
    publish("stable", Silent())
    queue.enqueue(Job.Kind.PUBLISH, {"suite": "stable"}, wake_worker=False)
    assert (clock().well, clock().remedy) == (True, "")
    assert "ok   clock" in call("doctor")


@pytest.mark.parametrize("suite", ["stable", "testing"])
def test_a_clock_behind_what_clients_were_given_by_the_table_s_word_is_wrong(embedded, suite):
    embedded.configure(suites=[{}, {"name": "testing", "codename": "testing"}])
    given = LastGiven(datetime.now(UTC).replace(microsecond=0) + TWO_HOURS, adapters.signer().fingerprint)
    embedded.table.keep_last_given(suite, given, before=None)
    probed = clock()
    assert not probed.well
    assert f"{given.date:%Y-%m-%d %H:%M:%S}" in probed.detail
    assert probed.remedy
    assert refused("doctor").returncode == 1


def test_a_clock_behind_the_release_in_place_is_wrong(embedded, settings):
    ours = adapters.signer()
    text = b"Suite: stable\nDate: %s\n" % f"{datetime.now(UTC) + TWO_HOURS:%a, %d %b %Y %H:%M:%S} UTC".encode()
    embedded.bucket.put("dists/stable/InRelease", ours.sign_clear(text))
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(settings.HOME / "other.sqlite3")
    embedded.table.create()
    assert not clock().well
    assert "dists/stable/InRelease" in clock().detail


@pytest.mark.parametrize(("minutes", "warned"), [(4, False), (6, True)])
def test_what_was_recorded_later_than_now_is_a_warning(embedded, minutes, warned):
    queue.enqueue(Job.Kind.PUBLISH, {"suite": "stable"}, wake_worker=False)
    Job.objects.update(created=datetime.now(UTC) + timedelta(minutes=minutes))
    assert clock().well
    assert bool(clock().remedy) == warned
    assert ("WARN clock: " in call("doctor")) == warned


@pytest.mark.parametrize(("seconds", "well"), [(0, True), (-60, False), (60, False), (7200, False)])
def test_a_clock_off_the_bucket_s_server_is_wrong(embedded, settings, seconds, well):
    class Server(QuietHandler):
        def date_time_string(self, _timestamp=None):
            return super().date_time_string(datetime.now(UTC).timestamp() + seconds)

        def do_GET(self):
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_HEAD(self):
            self.do_GET()

    with LoopbackServer(Server) as server:
        settings.BUCKET = S3Store("apt", "", "eu-central-1", server.url, "")
        assert clock().well == well
        assert server.url in clock().detail
