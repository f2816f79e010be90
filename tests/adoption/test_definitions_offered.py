"""What an adoption offers and tells besides the packages: definitions, what clients notice, what is left behind."""

from django.contrib.auth import get_user_model

from packages_app.adoption.existing_repository import FolderRepository
from packages_app.adoption.index import indexes_of
from packages_app.adoption.noticed import differences, left_behind
from packages_app.adoption.release import parse_existing_release
from packages_app.core.documents import of_package
from packages_app.core.ports import Silent
from packages_app.models import DefinitionStatus
from packages_app.services import adapters
from packages_app.services.configuration.definitions import definition_document, remove_definition
from packages_app.services.configuration.many_definitions import make_definitions
from packages_app.services.configuration.saved_versions import history_of
from packages_app.services.takeover.adopt import adopt
from packages_app.services.takeover.adoption_request import AdoptionRequest, NewDefinitions, PoolFiles
from tests.adoption import existing
from tests.debs import build_deb

NAMES = """main/binary-amd64/Packages main/binary-amd64/Packages.xz main/binary-amd64/Release
main/binary-i386/Packages.gz
main/source/Sources.xz main/source/Release contrib/source/Sources.gz main/Contents-amd64.gz Contents-all
main/Contents-udeb-amd64.gz main/debian-installer/binary-amd64/Packages.xz main/dep11/Components-amd64.yml.gz
main/dep11/icons-64x64.tar.gz main/i18n/Translation-de.bz2 main/i18n/Translation-de.xz main/cnf/Commands-amd64.xz
main/installer-amd64/current/images/SHA256SUMS main/binary-amd64/Packages.diff/Index main/odd/Thing"""
SOURCE = "architecture: [amd64]\nsource: {type: build_script}\n"


def adopted(theirs, **more):
    return adopt(AdoptionRequest(FolderRepository(theirs.root), {"stable": "stable"}, PoolFiles.COPY, **more), Silent())


def test_what_is_left_behind_is_counted_by_its_kind_once_for_all_its_forms():
    listed = "".join(f" {'0' * 64} 1 {name}\n" for name in NAMES.split())
    release = parse_existing_release("dists/x", f"SHA256:\n{listed}".encode())
    assert left_behind(release, indexes_of(release, ["main"], ["amd64"])) == {
        "Sources": 2, "Packages": 1, "Contents": 2, "udeb": 2, "DEP-11": 2, "Translation": 1, "command-not-found": 1,
        "installer": 1, "other": 1,
    }  # fmt: skip


def test_the_identities_are_compared_field_by_field(embedded):
    repository = adapters.repository()
    suite = repository.default_suite
    rest = f"Label: {repository.label}\nSuite: {suite.name}\nCodename: {suite.codename}\n"
    index = f"SHA256:\n {'0' * 64} 1 main/binary-amd64/Packages\n"
    same = parse_existing_release("dists/stable", f"Origin: {repository.origin}\n{rest}{index}".encode())
    assert differences(same, repository, suite) == []
    other = parse_existing_release("dists/bookworm", f"Origin: X\n{rest}NotAutomatic: yes\n{index}".encode())
    assert [(one.field, one.theirs, one.ours, one.is_refused) for one in differences(other, repository, suite)] == [
        ("Origin", "X", repository.origin, True), ("NotAutomatic", "yes", "", True),
        ("dists/", "dists/bookworm", "dists/stable", False),
    ]  # fmt: skip


def test_each_package_without_a_definition_is_offered_one_as_it_is_there_and_others_keep_theirs(embedded, tmp_path):
    embedded.configure(suites=[{"components": ["main", "extra"]}])
    embedded.define_uploads("filed")
    home = {"Homepage": "https://github.com/own/tool.git"}
    debs = [build_deb(tmp_path, *one) for one in (("tool", "1.0"), ("filed", "1"), ("both", "1"), ("both", "2", "all"))]
    theirs = existing.plain(tmp_path / "theirs", [*debs, build_deb(tmp_path, "tool", "2.0", **home)])
    extra = existing.plain(theirs.root, [build_deb(tmp_path, "tool", "3.0~rc1", **home)], component="extra")
    result = adopted(extra, dry_run=True, allow=("setuid:tool", "setuid"), definitions=NewDefinitions.UPLOAD)
    assert (result.undefined, result.defined, result.suggested) == (("both", "tool"), (), {"tool": "own/tool"})
    assert adapters.documents().documents() == []
    result = adopted(extra, allow=("setuid:tool",), definitions=NewDefinitions.UPLOAD, who="ann")
    assert (result.undefined, result.defined) == ((), ("both", "tool"))
    assert result.offered.in_several_components() == ["tool"]
    tool, both = (adapters.definitions().by_name[name] for name in ("tool", "both"))
    assert (tool.suites, tool.component, tool.architectures, tool.allow, tool.source_type) == (
        ("stable",), "extra", ("amd64",), ("setuid",), "build_script",
    )  # fmt: skip
    assert (both.component, both.architectures) == ("main", ("amd64", "all"))
    assert history_of(of_package("tool"))[0].document.who == "ann"
    assert not adapters.definitions().by_name["filed"].is_document
    assert adopted(extra, definitions=NewDefinitions.UPLOAD).defined == ()


def test_many_are_made_at_the_cost_of_few_and_none_over_what_somebody_made(embedded, db, django_assert_max_num_queries):
    texts = {f"p{number}": f"name: p{number}\n{SOURCE}" for number in range(500)}
    theirs = texts["p1"].replace("amd64", "all")
    for name in ("p1", "p2"):
        make_definitions({name: theirs.replace("p1", name)}, who="ben")
    remove_definition("p2", read=1, user=get_user_model().objects.create(username="root", is_superuser=True))
    with django_assert_max_num_queries(17):
        made = make_definitions({**texts, "Bad": f"name: Bad\n{SOURCE}"}, who="ann")
    assert len(made.names) == 499
    assert "p1" not in made.names
    assert ["package/Bad" in fault for fault in made.faults] == [True]
    assert (definition_document("p1").text, definition_document("p2").version) == (theirs, 3)
    assert DefinitionStatus.objects.count() == len(adapters.definitions().by_name)
    assert adapters.documents().document(of_package("Bad")) is None
