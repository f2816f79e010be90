"""Verifying and repairing from the admin: buttons for those who may publish, and a plan that is what is done."""

import html

from packages_app.models import Job

BASE = "/admin/packages_app/job"
TOOL = "pool/main/t/tool/tool_1.0+b~1_amd64.deb"


def page_of(client, job):
    return html.unescape(client.get(f"{BASE}/{job.pk}/change/").content.decode())


def test_a_publisher_verifies_and_repairs(standing, as_member):
    client = as_member("Publishers")
    assert "Verify" in client.get("/admin/").content.decode()
    standing.path(TOOL).unlink()
    client.post(f"{BASE}/verify/")
    standing.stack.run_jobs()
    assert Job.objects.filter(kind="verify_repository").count() == 2
    job = Job.objects.get(kind="verify_repository", subject="pool of all")
    page = page_of(client, job)
    assert "1 finding" in page
    assert f"to {TOOL}" in page
    assert f'value="{job.result["digest"]}"' in page
    answer = client.post(f"{BASE}/{job.pk}/repair/", {"digest": job.result["digest"]})
    repair = Job.objects.get(kind="repair_repository")
    assert answer.url == f"{BASE}/{repair.pk}/change/"
    assert repair.requested_by.get_username() == "Publishers"
    standing.stack.run_jobs()
    repair.refresh_from_db()
    assert (repair.state, repair.result["faults"]) == ("done", [])
    page = page_of(client, repair)
    assert repair.result["done"][0] in page
    assert "rm-bad" not in page
    assert standing.path(TOOL).exists()


def test_a_plan_that_was_not_shown_is_refused_with_the_remedy(standing, as_member):
    client = as_member("Publishers")
    client.post(f"{BASE}/verify/", {"pool": "all"})
    standing.stack.run_jobs()
    job, of_suite = sorted(Job.objects.all(), key=lambda job: job.subject)
    assert of_suite.subject == "suite stable"
    assert job.subject.startswith("pool of all")
    assert (job.arguments["pool"], job.result["faults"]) == ("all", [])
    assert "rm-bad" not in page_of(client, job)
    for digest in ("", "0" * 64):
        answer = client.post(f"{BASE}/{job.pk}/repair/", {"digest": digest}, follow=True)
        [message] = answer.context["messages"]
        assert message.level_tag == "error"
        assert "Remedy: " in message.message
    assert not Job.objects.filter(kind="repair_repository").exists()


def test_those_who_may_not_publish_may_look_only(standing, as_member):
    standing.path(TOOL).unlink()
    client = as_member("Uploaders")
    job = Job.objects.create(kind="verify_repository")
    standing.stack.run_jobs()
    assert ">Verify<" not in client.get("/admin/").content.decode()
    page = page_of(client, job)
    assert "1 finding" in page
    assert ">Repair<" not in page
    job.refresh_from_db()
    assert client.post(f"{BASE}/{job.pk}/repair/", {"digest": job.result["digest"]}).status_code == 403
    assert client.post(f"{BASE}/verify/").status_code == 403
    assert client.get(f"{BASE}/verify/").status_code == 405
