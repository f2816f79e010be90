"""Faults of the configuration: all at once, on the overview by the clock, each told once and once when it is mended."""

import pytest
from django.utils.html import escape

from packages_app import tasks
from packages_app.models import DefinitionStatus, Notice
from packages_app.services.setup.doctor import examine
from packages_app.services.setup.faults import configuration_faults

DEFINITION = "name: {}\narchitecture: {}\nsource: {}\n"


@pytest.fixture
def broken(embedded):
    """Definitions with faults of every kind, beside a good one; gives where each stands."""
    packages = embedded.config / "packages"
    embedded.define_uploads("good")
    (packages / "aa.yaml").write_text(
        DEFINITION.format("aa", "sparc", "{type: build_script") + "homepage: a: b\nretain: {newest: 0}\n"
    )
    (packages / "bb.yaml").write_text(DEFINITION.format("B", "amd64", "{type: nothing}"))
    named = DEFINITION.format("cc", "all", "{type: build_script, templates: nowhere}")
    texts = "maintainer: A <a@example.org>\nsection: misc\npriority: optional\nhomepage: https://example.org\n"
    (packages / "cc.yaml").write_text(f"{named}{texts}description: c\nbootstrap: {{copy: cc.deb}}\n")
    return [
        ("aa.yaml", 2, "architecture"), ("aa.yaml", 3, "(file)"), ("aa.yaml", 4, "(file)"),
        ("aa.yaml", 5, "retain.newest"), ("bb.yaml", 1, "name"), ("bb.yaml", 3, "source.type"),
        ("cc.yaml", 1, "source.templates"),
    ]  # fmt: skip


def places():
    return [(fault.file, fault.line, fault.field) for fault in configuration_faults()]


def said_by_doctor():
    [probed] = [one for one in examine() if one.name == "definitions"]
    return probed.well, probed.detail.splitlines()


def test_all_faults_of_all_files_are_named_at_once_each_with_its_remedy(embedded, broken):
    assert places() == broken
    assert all(fault.remedy for fault in configuration_faults())
    assert said_by_doctor() == (False, [str(fault) for fault in configuration_faults()])
    path = embedded.config / "repository.yaml"
    sound = path.read_text()
    path.write_text(f"origin: [x\n{sound}".replace("valid_days: 14", "valid_days: 0"))
    # Places can't be judged without the repository; all else is, and no file has to wait for another.
    unjudged = {"architecture", "source.templates"}
    assert places() == [
        *(place for place in broken if place[2] not in unjudged),
        ("repository.yaml", 3, "(file)"), ("repository.yaml", 20, "suites[0].valid_days"),
    ]  # fmt: skip
    assert len(said_by_doctor()[1]) == len(places())
    path.write_text("- no\n- mapping\n")
    assert {file for file, _, _ in places()} == {"repository.yaml", "aa.yaml", "bb.yaml"}


def test_a_check_of_the_clock_shows_what_broke_and_what_is_mended_and_tells_of_each_once(embedded, broken, as_member):
    overview = as_member("Viewers")

    def shown(fault):
        return overview.get("/admin/").content.decode().count(escape(str(fault)))

    def notices():
        rows = Notice.objects.filter(kind=Notice.Kind.CONFIGURATION_FAULTY, settled=None)
        return sorted(rows.values_list("subject", "level", "times"))

    faults = configuration_faults()
    assert [shown(fault) for fault in faults] == [0] * 7
    assert tasks.watch_configuration() == ["aa.yaml", "bb.yaml", "cc.yaml"]
    assert [shown(fault) for fault in faults] == [1] * 7  # no page of definitions was opened
    tasks.watch_configuration()
    assert notices() == [("aa.yaml", "error", 2), ("bb.yaml", "error", 2), ("cc.yaml", "error", 2)]
    embedded.define_uploads("aa")
    (embedded.config / "packages" / "cc.yaml").unlink()
    repository = embedded.config / "repository.yaml"
    sound = repository.read_text()
    repository.write_text("origin: [")
    assert tasks.watch_configuration() == ["bb.yaml", "repository.yaml"]
    assert notices() == [
        ("aa.yaml (mended)", "info", 1), ("bb.yaml", "error", 3), ("cc.yaml (mended)", "info", 1),
        ("repository.yaml", "error", 1),
    ]  # fmt: skip
    assert all(shown(fault) == 1 for fault in configuration_faults() if fault.file == "repository.yaml")
    repository.write_text(sound)
    (embedded.config / "packages" / "aa.yaml").write_text("name: [")
    assert tasks.watch_configuration() == ["aa.yaml", "bb.yaml"]
    assert [(subject, times) for subject, _, times in notices()] == [
        ("aa.yaml", 1), ("bb.yaml", 4), ("cc.yaml (mended)", 1), ("repository.yaml (mended)", 1)
    ]  # fmt: skip
    assert set(DefinitionStatus.objects.exclude(problems=[]).values_list("file", flat=True)) == {"aa.yaml", "bb.yaml"}
