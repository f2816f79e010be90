"""What the upload page's script is answered, where files go straight to the staging bucket and where they do not."""

from tests.admin.test_headers import policy


def test_the_upload_page_alone_may_send_to_the_server_of_staging(distributed, admin_client, settings):
    upload = "/admin/packages_app/package/upload/"
    begun = {"name": "a.deb", "size": "5"}
    assert "connect-src" not in policy(admin_client.get(upload))
    off = admin_client.post(f"{upload}begin/", begun)
    assert (off.status_code, off.json()["code"]) == (400, "no_direct_uploads")
    settings.STAGING_UPLOAD_URL = "https://s3.example.org:8443"
    page = admin_client.get(upload)
    assert policy(page)["connect-src"] == {"'self'", "https://s3.example.org:8443"}
    assert "connect-src" not in policy(admin_client.get("/admin/"))
    bad = [{}, {"name": "a.deb", "size": "x"}, {"name": "a.deb"}, {**begun, "suite": "none"}, {**begun, "rollout": "x"}]
    answers = [admin_client.post(f"{upload}begin/", each) for each in [*bad, begun]]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 400, 200]
    ticket = answers[-1].json()["ticket"]
    for step, given, code in (("sign", {"number": "9" * 5000}, "package_refused"), ("sign", {}, "package_refused"),
                              ("complete", {}, "parts_missing"), ("complete", {"ticket": "x"}, "upload_ticket_refused"),
                              ("complete", {"ticket": ""}, "upload_ticket_refused")):  # fmt: skip
        answer = admin_client.post(f"{upload}{step}/", {"ticket": ticket, **given})
        assert (step, answer.json()["code"]) == (step, code)
    signed = admin_client.post(f"{upload}sign/", {"ticket": ticket, "number": "1"}).json()["address"]
    assert signed.startswith(f"https://s3.example.org:8443/{settings.STAGING.bucket}/staging/uploads/")
    assert admin_client.post(f"{upload}abort/", {"ticket": ticket}).json() == {}
