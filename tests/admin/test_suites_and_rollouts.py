"""Two suites side by side, and roll-outs, in the admin: nothing moves without its page and the right to publish."""

import re

from packages_app.core.rollout import begun, rollouts_of, with_rollouts
from packages_app.models import Package
from packages_app.services import adapters
from packages_app.services.mirror.packages import mirror_records
from tests.debs import build_deb
from tests.deliveries import UPLOAD, upload
from tests.records import make_record
from tests.services.lifecycle.test_move import TWO

PAGE = "/admin/packages_app/package/side-by-side/"


def test_what_is_ticked_is_promoted_from_the_preview_that_is_there(as_member, embedded):
    embedded.configure(suites=TWO)
    records = [
        make_record("tool", "1", suites=("stable",)), make_record("tool", "2", suites=("testing",)),
        make_record("new", "1", suites=("testing",)), make_record("same", "1", suites=("stable", "testing")),
    ]  # fmt: skip
    embedded.table.put_many_new(records)
    mirror_records(records)
    client = as_member("Publishers")
    assert "None." in client.get(PAGE).content.decode()
    page = client.get(PAGE, {"left": "stable", "right": "testing", "kind": "newer_right"}).content.decode()
    assert re.findall(r'name="keys" value="([^"]+)"', page) == ["tool 2 amd64"]
    assert 'name="to" value="stable"' in page
    page = client.get(PAGE, {"kind": "only_right"}).content.decode()
    assert re.findall(r'name="keys" value="([^"]+)"', page) == ["new 1 amd64"]
    shown = client.post(
        "/admin/packages_app/package/move/",
        {"what": "promoted", "to": "stable", "keys": ["tool 2 amd64", "new 1 amd64"]},
    ).content.decode()
    assert "stable: tool amd64: 1 → 2" in shown
    assert "stable: new amd64: none → 1" in shown
    assert embedded.table.get("tool", "2", "amd64").suites == ("testing",)


def test_who_may_only_look_ticks_nothing_and_odd_questions_are_answered(as_member, embedded):
    embedded.configure(suites=TWO)
    mirror_records([make_record("tool", "2", suites=("testing",))])
    client = as_member("Viewers")
    page = client.get(PAGE, {"kind": "only_right"}).content.decode()
    assert "<strong>tool</strong>" in page
    assert 'name="keys"' not in page
    for asked in ({"left": "nowhere"}, {"kind": "x"}, {"left": "testing", "right": "testing"}, {"after": "z" * 5000}):
        assert client.get(PAGE, asked).status_code == 200


def test_the_buttons_of_a_roll_out_are_about_the_suites_that_it_is_in(as_member, embedded):
    embedded.configure(suites=TWO)
    record = make_record("tool", "2", suites=("stable", "testing"))
    record = with_rollouts(record, {"testing": begun((10, 100), adapters.now())})
    embedded.table.put_new(record)
    mirror_records([record])
    row = Package.objects.get()
    page = as_member("Publishers").get(f"/admin/packages_app/package/{row.pk}/change/").content.decode()
    assert re.findall(r'name="suite" value="([^"]+)"', page) == ["testing"]
    assert "testing: given to 10 % of clients" in page


def test_an_upload_in_the_admin_may_say_its_steps_where_the_right_to_publish_is(as_member, embedded, tmp_path):
    embedded.define_uploads("tool", rollout=[10, 100])
    assert 'name="rollout"' not in as_member("Uploaders").get(UPLOAD).content.decode()
    client = as_member("Publishers")
    for steps, is_taken in (("ten", False), ("50, 100", True)):
        deb = build_deb(tmp_path, "tool", "1.0")
        assert (upload(client, deb, rollout=steps).status_code == 302) == is_taken
    embedded.run_jobs()
    assert rollouts_of(embedded.records()[0])["stable"].steps == (50, 100)
