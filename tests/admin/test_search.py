"""The search of the list of packages: parts of names, and queries."""

import pytest

from packages_app.services.mirror.packages import mirror_records
from tests.records import make_record

LIST = "/admin/packages_app/package/"


def found(client, search, **more):
    page = client.get(LIST, {"q": search, **more})
    assert page.status_code == 200
    return sorted(f"{package.package_name} {package.version}" for package in page.context["cl"].result_list), page


@pytest.mark.django_db
def test_packages_are_found_by_a_query(as_member):
    client = as_member("Viewers")
    mirror_records([make_record("kiro", "1.0"), make_record("kiro", "1.1", suites=("testing",)), make_record("other")])

    assert found(client, "kiro")[0] == ["kiro 1.0", "kiro 1.1"]
    assert found(client, "kir* (>= 1.1)")[0] == ["kiro 1.1"]
    assert found(client, "!kiro")[0] == ["other 1.0"]
    assert found(client, "kiro | other", suite="stable")[0] == ["kiro 1.0", "other 1.0"]
    assert found(client, "kiro", suite="testing")[0] == ["kiro 1.1"]


@pytest.mark.django_db
def test_a_query_that_cannot_be_read_says_where(as_member):
    client = as_member("Viewers")
    mirror_records([make_record("kiro")])

    rows, page = found(client, "kiro (>= 1.0")

    assert not rows
    assert [message.level_tag for message in page.context["messages"]] == ["error"]
    assert "character 13" in page.content.decode()


@pytest.mark.parametrize("page", ["0", "-1", "2", "abc", "", "1.0", "9" * 5000])
def test_a_page_of_the_sidebars_search_that_there_is_not_is_not_found(admin_client, page):
    assert admin_client.get("/admin/search/", {"s": "job", "page": "1"}).status_code == 200
    assert admin_client.get("/admin/search/", {"s": "job", "page": page}).status_code == 404
