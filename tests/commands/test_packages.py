import pytest
from django.core.management import CommandError, call_command

from packages_app.core.query import QueryRefused
from packages_app.services.mirror.packages import mirror_records
from tests.records import make_record


@pytest.mark.django_db
def test_it_lists_what_a_query_selects_newest_first(capsys):
    mirror_records([make_record("kiro", "1.9"), make_record("kiro", "1.10"), make_record("other")])

    call_command("packages", "kiro (>= 1.0)")

    assert capsys.readouterr().out.splitlines() == ["kiro 1.10 amd64", "kiro 1.9 amd64"]


@pytest.mark.django_db
def test_nothing_selected_ends_non_zero():
    with pytest.raises(CommandError) as ended:
        call_command("packages", "none-such")

    assert ended.value.returncode == 1


@pytest.mark.django_db
def test_a_query_that_cannot_be_read_is_refused():
    with pytest.raises(CommandError) as ended:
        call_command("packages", "kiro (")

    assert isinstance(ended.value.__cause__, QueryRefused)
    assert ended.value.returncode == 2
