"""Steps of a roll-out: which are taken, what they say for a day, and what a record keeps of them."""

from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.caution import Caution, cautions_of, with_cautions
from packages_app.core.errors import PackageRefused
from packages_app.core.rollout import begun, check_steps, percentage_in, rollouts_of, steps_in, with_rollouts
from packages_app.debian.stanza import stanza_of
from tests.records import make_record

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("steps", [(), (10, 10), (25, 10), (-1,), (101,), (10, 101), tuple(range(61))])
def test_steps_that_are_none_are_refused(steps):
    with pytest.raises(PackageRefused):
        check_steps(steps)


@pytest.mark.parametrize(
    ("text", "steps"), [("", ()), ("10,25, 50 %, 100%", (10, 25, 50, 100)), ("0", (0,)), (" 7 ", (7,))]
)
def test_steps_are_read_as_people_write_them(text, steps):
    assert steps_in(text) == steps


@pytest.mark.parametrize("text", ["ten", "1.5", "-1", "10 5", "1e1", "\u0661"])
def test_what_is_no_percentage_is_refused(text):
    with pytest.raises(PackageRefused):
        steps_in(text)


@pytest.mark.parametrize(("hours", "percent"), [(-9, 10), (0, 10), (23, 10), (24, 25), (71, 50), (72, 100), (999, 100)])
def test_a_step_lasts_a_day_and_the_last_for_good(hours, percent):
    assert begun((10, 25, 50, 100), NOW).percent_at(NOW + timedelta(hours=hours)) == percent


def test_a_record_keeps_its_roll_outs_by_suite_beside_its_cautions():
    record = with_cautions(make_record(), [Caution("setuid", "/bin/x")])
    kept = with_rollouts(record, {"stable": begun((10, 100), NOW), "testing": begun((100,), NOW)})
    assert rollouts_of(kept) == {"stable": begun((10, 100), NOW)}
    assert (percentage_in(kept, "stable"), percentage_in(kept, "testing")) == (10, None)
    assert cautions_of(kept) == cautions_of(record)
    assert with_rollouts(kept, {}) == record


@pytest.mark.parametrize(
    "text",
    [
        '{"rollouts":7}',
        '{"rollouts":{"stable":7}}',
        '{"rollouts":{"stable":{"percent":1,"steps":[1],"since":"noon"}}}',
        '{"rollouts":{"stable":{"percent":1,"steps":[],"since":"2026-01-02T03:04:05+00:00"}}}',
        'said "rollouts": before',
        "[]",
    ],
)
def test_what_an_older_table_said_is_no_roll_out_and_stays(text):
    record = make_record(other_fields=text)
    assert rollouts_of(record) == {}
    assert stanza_of(record, percentage_in(record, "stable")) == stanza_of(make_record())


def test_a_stanza_has_one_field_more_and_none_for_all_clients():
    record = make_record()
    assert stanza_of(record, 10) == f"{stanza_of(record)}Phased-Update-Percentage: 10\n"
    assert stanza_of(record, 0).endswith("\nPhased-Update-Percentage: 0\n")
    assert stanza_of(record, 100) == stanza_of(record)


def test_it_takes_the_place_of_what_the_control_paragraph_says_then_too_when_it_is_over():
    plain = make_record()
    record = make_record(control=f"{plain.control.rstrip()}\nphased-update-percentage: 40\n")
    assert "phased-update-percentage: 40\n" in stanza_of(record, percentage_in(record, "stable"))
    for steps, expected in (((10, 100), "Phased-Update-Percentage: 10\n"), ((100,), "")):
        rolled = with_rollouts(record, {"stable": begun(steps, NOW)})
        stanza = stanza_of(rolled, percentage_in(rolled, "stable"))
        assert stanza == stanza_of(plain) + expected
