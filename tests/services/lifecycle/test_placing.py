"""A definition whose suites or component changed: what that says of the versions that are there, and their moves."""

import pytest
from django.contrib.auth import get_user_model

from packages_app.core.errors import PackageRefused
from packages_app.core.suite_change import What
from packages_app.models import DefinitionStatus, Job
from packages_app.services import adapters
from packages_app.services.configuration.definitions import save_definition
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.lifecycle.placing import placed_elsewhere, plan_placing, preview_placing, request_placing
from packages_app.services.lifecycle.shown import PreviewOutdated
from packages_app.services.setup.doctor import examine
from tests.commands.calling import call
from tests.debs import build_deb
from tests.services.lifecycle.test_move import clients_see, do

THREE = [{"name": name, "codename": name, "components": ["main", "extra"]} for name in ("stable", "testing", "edge")]
DEFINE = "/admin/packages_app/definitionstatus/define/"


def text(suites, component="main"):
    place = f"suites: [{suites}]\ncomponent: {component}\n"
    return f"name: tool\narchitecture: [amd64]\n{place}source: {{type: build_script}}\n"


def doctor_warns():
    return any(one.remedy for one in examine() if one.name == "definitions")


@pytest.fixture
def tool(embedded, tmp_path):
    """`tool` 1.0 and 2.0, taken in for stable; 1.0 was withdrawn, and other versions promoted to edge."""
    embedded.configure(suites=THREE)
    root = get_user_model().objects.create(username="root", is_superuser=True)
    save_definition("tool", text("stable"), read=0, user=root)
    for version in ("0.9", "1.0", "2.0"):
        deb = build_deb(tmp_path, "tool", version)
        stage_upload(deb, deb.name)
        embedded.run_jobs()
    do(embedded, What.WITHDRAWN, "tool (= 0.9)")
    do(embedded, What.PROMOTED, "tool (= 2.0)", to="edge")
    assert plan_placing(adapters.definitions().by_name["tool"]).told() == placed_elsewhere() == []

    def saved(suites, component="main"):
        save_definition("tool", text(suites, component), read=saved.read, user=root)
        saved.read += 1
        return plan_placing(adapters.definitions().by_name["tool"])

    saved.read = 1
    return saved


def test_versions_come_to_suites_that_are_new_and_leave_those_that_intake_brought_them_to(embedded, tool):
    placing = tool("testing, edge")
    both = (("tool#1.0", "amd64"), ("tool#2.0", "amd64"))
    assert (placing.coming, placing.leaving) == ({"testing": both}, {"stable": both})
    assert (placed_elsewhere(), doctor_warns()) == (["tool"], True)
    assert clients_see(embedded) == ["tool_1.0", "tool_2.0"]  # nothing moves by itself
    shown = [digest for one in preview_placing(placing) for digest in one.shown]
    with pytest.raises(PreviewOutdated):
        request_placing(placing, shown[:1])
    assert not Job.objects.filter(state="queued").exists()
    jobs = request_placing(placing, shown)
    assert [job.kind for job in jobs] == [Job.Kind.MOVE, Job.Kind.MOVE]
    assert {job.state for job in embedded.run_jobs()} == {"done"}
    assert [clients_see(embedded, one["name"]) for one in THREE] == [[], ["tool_1.0", "tool_2.0"], ["tool_2.0"]]
    placing = plan_placing(adapters.definitions().by_name["tool"])
    assert (placing.told(), placed_elsewhere(), doctor_warns()) == ([], [], False)
    with pytest.raises(PackageRefused):
        request_placing(placing, None)


def test_a_component_that_is_another_moves_nothing_and_says_so(embedded, tool):
    placing = tool("stable", "extra")
    assert (placing.components, placing.moves) == ({"main": 2}, [])
    assert placing.told()


def test_the_command_shows_it_and_does_it(embedded, tool):
    tool("stable, testing")
    before = [one.suites for one in embedded.records()]
    assert "testing" in call("place_packages", "tool", "--dry-run")
    assert [one.suites for one in embedded.records()] == before
    call("place_packages", "tool", "--yes")
    assert clients_see(embedded) == clients_see(embedded, "testing") == ["tool_1.0", "tool_2.0"]


def test_the_form_tells_it_before_it_is_saved_and_its_page_does_it(embedded, tool, admin_client):
    said = {"type": "build_script", "read": "1", "name": "tool", "architecture": "amd64", "suites": "testing"}
    page = admin_client.post(DEFINE, {**said, "place": "1"})
    assert (page.status_code, "2 versions would leave stable" in page.text, tool.read) == (200, True, 1)
    saved = admin_client.post(DEFINE, said)
    place = saved.url
    assert place.endswith(f"/{DefinitionStatus.objects.get(name='tool').pk}/place/")
    assert "would come into testing" in admin_client.get(place).text
    assert admin_client.post(place, {"consent": "1"}).status_code == 200  # to nothing that was shown
    assert embedded.run_jobs() == []
    placing = plan_placing(adapters.definitions().by_name["tool"])
    shown = [digest for one in preview_placing(placing) for digest in one.shown]
    assert admin_client.post(place, {"consent": "1", "shown": shown}).status_code == 302
    embedded.run_jobs()
    assert (clients_see(embedded), clients_see(embedded, "testing")) == ([], ["tool_1.0", "tool_2.0"])
