"""What a definition may allow of what a person is to see, and what it may not, whoever wrote it."""

import pytest

from packages_app.core.caution import ALLOWABLE, MEANINGS, Caution, caution_findings, kept_with_record
from tests.records import make_record


@pytest.mark.parametrize("code", MEANINGS)
def test_a_person_alone_decides_about_what_no_definition_may_allow(code):
    """A list of allowed codes that came by another way than the definitions' reader counts as far as it may."""
    record = make_record("tool", other_fields=kept_with_record([Caution(code, "what it is")]))
    held = [finding.code for finding in caution_findings("stable", [record], lambda _name: MEANINGS, ())]
    assert held == ([] if code in ALLOWABLE else [code])
    assert [one.code for one in caution_findings("stable", [record], lambda _name: (), ())] == [code]
    assert {"version_jump", "bootstrap_key", "bootstrap_source"}.isdisjoint(ALLOWABLE)
