"""Each archive has its own admin, repository and rights; the switch leads to those that a person may see."""

import pytest
import structlog
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client

from packages_app.core.ports import Silent
from packages_app.management.terminal import archive_first
from packages_app.models import GroupArchive, Job
from packages_app.services import adapters
from packages_app.services.archives import entered, present_archive
from packages_app.services.setup.storage import create_storage
from repomgr.archives import read_archives
from repomgr.limits import largest_body, page_of
from tests.commands.calling import call, refused
from tests.stack import write_definition

LIST = "admin/packages_app/package/"


@pytest.fixture
def two(embedded, settings):
    settings.ARCHIVES = read_archives("default: {}\nacme: {}", present_archive(), ())
    call("init", "--archive", "acme", "--name", "Acme")
    with entered("acme"):
        create_storage(Silent())
        adapters.bucket().put("dists/said", b"of acme")
    with entered(""):
        adapters.bucket().put("dists/said", b"of default")
    return embedded


def test_what_a_search_found_in_one_archive_is_not_shown_in_another(two, admin_client):
    for prefix in ("/archives/acme", "", "/archives/acme"):
        found = admin_client.get(f"{prefix}/admin/search/?s=job&extended=1").text
        assert f'href="{prefix}/{LIST.replace("/package/", "/job/")}' in found
        assert found.count(f'href="{prefix}/admin/') == found.count('href="')


def test_a_group_has_its_rights_in_the_archives_that_are_named_for_it(two, as_member, admin_client):
    client = as_member("Publishers")
    for prefix in ("", "archives/acme/"):
        page = client.get(f"/{prefix}{LIST}")
        assert page.status_code == 200
        assert 'href="/archives/acme/admin/"' in page.content.decode()
    group = Group.objects.get(name="Publishers")
    form = admin_client.get(f"/admin/auth/group/{group.pk}/change/").context["adminform"].form.initial
    posted = {
        "name": group.name, "permissions": [right.pk for right in form["permissions"]], "archives-TOTAL_FORMS": 1,
        "archives-INITIAL_FORMS": 0, "archives-0-archive": "acme", "archives-0-group": group.pk,
    }  # fmt: skip
    assert admin_client.post(f"/admin/auth/group/{group.pk}/change/", posted).status_code == 302
    assert [row.archive for row in GroupArchive.objects.all()] == ["acme"]
    assert client.get(f"/archives/acme/{LIST}").status_code == 200
    assert client.get(f"/{LIST}").status_code == 403
    someone = get_user_model().objects.get(username="Publishers")
    for slug in ("acme", "", "acme"):  # Django keeps them with the user
        with entered(slug):
            assert bool(someone.get_group_permissions()) is bool(someone.get_all_permissions()) is (slug == "acme")
    front = client.get("/archives/acme/admin/")
    assert front.context["title"] == "Overview of acme"
    assert 'href="/admin/"' not in front.content.decode()
    assert client.post("/admin/packages_app/publication/sweep/").status_code == 403
    assert client.post("/archives/acme/admin/packages_app/publication/sweep/").status_code == 302
    assert [job.archive for job in Job.of_all_archives.all()] == ["acme"]
    [job] = Job.of_all_archives.all()
    assert client.get(f"/archives/acme/admin/packages_app/job/{job.pk}/change/").status_code == 200
    assert client.get(f"/admin/packages_app/job/{job.pk}/whole/").status_code == 404
    assert admin_client.get(f"/admin/packages_app/job/{job.pk}/whole/").status_code == 404


def test_each_archive_has_its_addresses(two, settings):
    client = Client()
    said = {path: b"".join(client.get(f"/repository/{path}dists/said")) for path in ("", "acme/")}
    assert said == {"": b"of default", "acme/": b"of acme"}
    assert client.get("/archives/acme/admin/").url.startswith("/archives/acme/admin/login/")
    assert client.get("/admin/").url.startswith("/admin/login/")
    assert client.get("/archives/acme/repository/dists/said").url == "/archives/acme/admin/"
    assert client.get("/archives/default/admin/").url == "/admin/"
    assert client.get("/archives/beta/admin/").status_code == 404
    upload = "/admin/packages_app/package/upload/"
    assert page_of(f"/archives/acme{upload}") == upload
    assert (
        largest_body("POST", f"/archives/acme{upload}")
        == largest_body("POST", upload)
        > largest_body("POST", "/admin/")
    )
    del settings.ARCHIVES["default"]
    settings.ARCHIVES["beta"] = settings.ARCHIVES["acme"]
    assert client.get("/admin/").url == "/archives/acme/admin/"
    assert client.get("/repository/dists/said").status_code == 404
    assert client.get("/repository/acme/dists/said").status_code == 200


def test_a_command_names_its_archive_and_so_do_its_log_lines(two, settings, caplog):
    write_definition(two.home / "archives" / "acme" / "config", "tool", {"type": "build_script"})
    export = two.home / "exported"
    call("export_config", export, "--archive", "acme")
    assert "Acme" in (export / "repository.yaml").read_text()
    assert (export / "packages" / "tool.yaml").exists()
    for named in (["--archive", "acme"], ["--archive=acme"]):
        assert archive_first(["m", "keys", "list", *named, "x"]) == ["m", "keys", *named, "list", "x"]
    unknown = refused("publish", "--archive", "beta")
    assert (unknown.returncode, unknown.code) == (2, "unknown_archive")
    assert "acme" in unknown
    with entered("acme"):
        structlog.get_logger("packages_app").warning("something")
    assert "'archive': 'acme'" in caplog.text
    settings.ARCHIVES = {"acme": settings.ARCHIVES["acme"], "beta": settings.ARCHIVES["acme"]}
    unnamed = refused("publish")
    assert (unnamed.returncode, unnamed.code) == (2, "archive_not_named")
