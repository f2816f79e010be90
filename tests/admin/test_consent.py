"""Consent is to just what a page showed: what changed meanwhile is shown anew, and nothing is done half."""

import re

from packages_app.core.rollout import begun, with_rollouts
from packages_app.core.suite_change import What
from packages_app.models import Job, Package
from packages_app.services import adapters
from packages_app.services.lifecycle.move import keys_selected, request_move
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.packages import mirror_records
from tests.records import make_record
from tests.services.lifecycle.test_move import TWO, put

MOVE = "/admin/packages_app/package/move/"
TOOL = {"what": "withdrawn", "keys": "tool 2.0 amd64"}


def digests_in(page):
    """Give what a page says that it has shown."""
    return re.findall(r'name="shown" value="([^"]+)"', page)


def shown(client, **said):
    answer = client.post(MOVE, {**TOOL, **said})
    assert answer.status_code == 200
    return answer.content.decode()


def consent(client, digests, **said):
    return client.post(MOVE, {**TOOL, "suite": ["stable"], "reason": "why", **said, "shown": digests, "consent": "1"})


def test_what_two_people_do_at_once_is_shown_to_the_later_one_anew(as_member, embedded):
    put(embedded, "tool_1.0", "tool_2.0")
    client = as_member("Publishers")
    digests = digests_in(shown(client))
    request_move(Move(What.WITHDRAWN, tuple(keys_selected("tool (= 1.0)"))), "the other's")
    embedded.run_jobs()
    made = Job.objects.count()
    answer = consent(client, digests)
    page = answer.content.decode()
    assert (answer.status_code, Job.objects.count()) == (200, made)
    assert "preview_outdated" in page
    assert "stable: tool amd64: 2.0 → none" in page
    assert 'value="why"' in page
    assert consent(client, digests_in(page)).status_code == 302
    embedded.run_jobs()
    assert embedded.table.get("tool", "2.0", "amd64").suites == ()


def test_a_suite_that_was_not_shown_is_shown_first_and_none_is_refused(as_member, embedded):
    embedded.configure(suites=TWO)
    put(embedded, "tool_2.0", suites=("stable", "testing"))
    client = as_member("Publishers")
    of_stable = digests_in(shown(client, suite=["stable"]))
    for suites, code in ((["stable", "testing"], "preview_outdated"), ([], "package_refused")):
        answer = consent(client, of_stable, suite=suites)
        assert (answer.status_code, code in answer.content.decode()) == (200, True)
    assert not Job.objects.filter(kind=Job.Kind.MOVE).exists()
    both = digests_in(shown(client))
    assert consent(client, both).status_code == 302  # one of those that were shown
    embedded.run_jobs()
    assert embedded.table.get("tool", "2.0", "amd64").suites == ("testing",)


def test_a_promotion_to_another_suite_than_shown_is_shown_first(as_member, embedded):
    embedded.configure(suites=[*TWO, {"name": "old", "codename": "old"}])
    put(embedded, "tool_1.0", "tool_2.0", suites=("testing",))
    client = as_member("Publishers")
    asked = {"what": "promoted", "keys": "tool 1.0 amd64", "suite": []}
    digests = digests_in(shown(client, to="stable", **asked))
    assert "preview_outdated" in consent(client, digests, to="old", **asked).content.decode()
    assert consent(client, digests, to="stable", **asked).status_code == 302


def test_a_version_beside_a_newer_one_is_named_before_it_is_promoted(as_member, embedded):
    embedded.configure(suites=TWO)
    put(embedded, "tool_2.0")
    put(embedded, "tool_1.0", suites=("testing",))
    page = shown(as_member("Publishers"), what="promoted", keys="tool 1.0 amd64", to="stable")
    assert "stable: tool 1.0 amd64 is older than 2.0" in page


def test_what_is_refused_says_its_code_and_remedy_and_goes_back_to_the_package(as_member, embedded):
    put(embedded, "tool_1.0")
    client, row = as_member("Publishers"), Package.objects.get()
    answer = client.post(MOVE, {"what": "restored", "keys": "tool 1.0 amd64"})
    assert answer.url == f"/admin/packages_app/package/{row.pk}/change/"
    page = client.get(answer.url).content.decode()
    assert "Remedy: Name others, or look at their histories. (package_refused)" in page
    for said in ({"what": "x"}, {"keys": "tool"}, {"keys": ""}, {"rollout": "ten"}, {"keys": "ghost 1 amd64"}):
        assert client.post(MOVE, {**TOOL, **said}).status_code == 302
    assert consent(client, [], keys="tool 1.0 amd64", suite=["nowhere"]).status_code in (200, 302)
    assert not Job.objects.filter(kind=Job.Kind.MOVE).exists()


def test_the_stanza_is_what_clients_of_each_suite_get(as_member, embedded):
    embedded.configure(suites=TWO)
    record = make_record("tool", "2", suites=("stable", "testing"))
    record = with_rollouts(record, {"testing": begun((10, 100), adapters.now())})
    embedded.table.put_new(record)
    mirror_records([record])
    row = Package.objects.get()
    page = as_member("Publishers").get(f"/admin/packages_app/package/{row.pk}/change/").content.decode()
    stable, testing = re.findall(r'<p class="rm-soft">(stable|testing)</p><pre class="rm-pre">(.*?)</pre>', page, re.S)
    assert (stable[0], "Phased-Update-Percentage" in stable[1]) == ("stable", False)
    assert (testing[0], "Phased-Update-Percentage: 10\n" in testing[1]) == ("testing", True)


def test_what_histories_tell_of_but_no_page_asks_for_is_refused(as_member, embedded):
    put(embedded, "tool_1")
    client = as_member("Publishers")
    for what in set(What) - {What.WITHDRAWN, What.RESTORED, What.PROMOTED, What.ROLLED_OUT}:
        for consent in ({}, {"consent": "1", "suite": "stable", "reason": "x"}):
            said = {"what": str(what), "keys": "tool 1 amd64", **consent}
            told = client.post("/admin/packages_app/package/move/", said, follow=True)
            assert [message.level_tag for message in told.context["messages"]] == ["error"], what
    assert [record.suites for record in embedded.records()] == [("stable",)]
    assert embedded.run_jobs() == []
