"""What a client is told to type works when it is shown: on the overview, the terminal and the instructions page."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from packages_app.core.ports import Silent
from packages_app.models import HeldCandidate, Publication
from packages_app.services.intake.build_bootstrap import build_and_take_in
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.publication.client_lines import client_lines
from packages_app.services.publication.publish import publish
from tests.debs import build_deb

SET_UP = "curl -fsSLO https://apt.example.org/kiro-repo.deb && sudo apt install ./kiro-repo.deb"
STEPS = 'class="rm-steps"'


def installed_by(text):
    """The packages that lines install by name."""
    return set(re.findall(r"sudo apt install ([^.\s<][^\s<]*)", text))


@pytest.fixture
def page(embedded):
    return lambda: embedded.bucket.read("index.html").decode().replace("&amp;", "&")


def test_lines_name_what_is_published_and_nothing_before(embedded, page, tmp_path, as_member):
    embedded.define_uploads("tool")
    assert client_lines() == ()
    publish("stable", Silent())
    assert (client_lines(), installed_by(page()), SET_UP in page()) == ((), set(), False)
    build_and_take_in("kiro-repo", "1.0.0", Silent())
    assert client_lines() == ()
    embedded.run_jobs()
    assert client_lines() == (SET_UP, "sudo apt update")
    overview = as_member("Viewers")
    assert STEPS in overview.get("/admin/").content.decode()
    assert (installed_by(page()), SET_UP in page()) == (set(), True)
    deb = build_deb(tmp_path, "tool", "1.0")
    stage_upload(deb, deb.name)
    embedded.run_jobs(once=True)
    assert client_lines() == (SET_UP, "sudo apt update && sudo apt install tool")
    assert installed_by(page()) == {"tool"}
    shown = overview.get("/admin/").content.decode()
    assert ("sudo apt install tool" in shown, STEPS in shown) == (True, False)
    second = build_deb(tmp_path, "other", "1.0")
    embedded.define_uploads("other")
    stage_upload(second, second.name)
    [publication, *_] = Publication.objects.all()
    Publication.objects.filter(pk=publication.pk).update(date=timezone.now() + timedelta(seconds=2))
    HeldCandidate.objects.create(suite="stable", findings=[], digest="x", packages=1, seen=timezone.now())
    assert client_lines() == (SET_UP, "sudo apt update")
    HeldCandidate.objects.all().delete()
    Publication.objects.filter(pk=publication.pk).update(left_out_count=1)
    assert client_lines() == (SET_UP, "sudo apt update")
    Publication.objects.update(valid_until=timezone.now() - timedelta(seconds=1))
    assert client_lines() == ()


def test_a_package_without_a_definition_will_do(embedded, page, tmp_path):
    path = embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    stage_upload(deb, deb.name)
    build_and_take_in("kiro-repo", "1.0.0", Silent())
    embedded.run_jobs()
    path.unlink()
    publish("stable", Silent())
    assert (client_lines()[-1], installed_by(page())) == ("sudo apt update && sudo apt install tool", {"tool"})
