"""The documentation says what is: its settings, commands, files and links are those of the repository."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from packages_app.models import Notice

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# In a process of its own: what other tests read of the environment is no setting.
_REFERENCE = """
import json, os
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "repomgr.settings"
django.setup()
from repomgr import reference
print(json.dumps({
    "read": {name: one.default for name, one in reference.settings_read().items()},
    "described": {name: one.default for name, one in reference.MEANINGS.items()},
    "table": reference.settings_table(),
    "errors": list(reference.error_kinds()),
    "pages": [reference.settings_page(), reference.commands_page(), reference.errors_page()],
}))
"""
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FILE = re.compile(r"`([a-z_.][a-z0-9_.-]*/[a-z0-9_./-]+\.(?:py|md|ya?ml|toml|json))`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text_of(page):
    return page.read_text(encoding="utf-8")


def prose_of(page):
    return _FENCE.sub("", text_of(page))


def place_of(heading):
    """The anchor that a heading has, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def named(pages):
    return [str(page.relative_to(ROOT)) for page in pages]


@pytest.fixture(scope="module")
def reference():
    done = subprocess.run([sys.executable, "-c", _REFERENCE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_setting_that_is_read_is_described_and_no_other(reference):
    assert sorted(reference["described"]) == sorted(reference["read"])


def test_words_stand_for_a_default_only_where_the_code_has_none_or_a_place(reference):
    described, read = reference["described"], reference["read"]
    assert [name for name, words in described.items() if words and read[name] and "/" not in read[name]] == []


def test_readme_has_the_table_of_settings_that_the_code_makes(reference):
    assert reference["table"] in text_of(ROOT / "README.md")


def test_the_pages_of_settings_and_commands_tell_no_path_of_this_machine(reference):
    for place in (ROOT, Path.home()):
        assert [page.splitlines()[0] for page in reference["pages"] if str(place) in page] == []


def test_operations_says_what_to_do_about_every_error_and_every_notice(reference):
    tables = re.findall(r"^\| (.+?) \|", text_of(ROOT / "docs/OPERATIONS.md"), re.MULTILINE)
    told = {code for cell in tables for code in re.findall(r"`(\w+)`", cell)}
    assert sorted({*reference["errors"], *Notice.Kind.values} - told) == []


def test_readme_lists_every_command_of_ours_and_no_other():
    commands = text_of(ROOT / "README.md").split("## Commands")[1].split("\n## ")[0]
    listed = [
        name for row in re.findall(r"^\| (`.+?) \|", commands, re.MULTILINE) for name in re.findall(r"`([a-z_]+)", row)
    ]
    assert sorted(listed) == sorted(name for name, app in get_commands().items() if app == "packages_app")


def test_examples_in_yaml_and_json_can_be_read():
    read = {"yaml": yaml.safe_load, "json": json.loads}
    for page in PAGES:
        for kind, example in re.findall(r"^```(yaml|json)\n(.*?)^```", page.read_text(), re.M | re.S):
            assert read[kind](example), f"{page}: {example}"


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_links_lead_to_files_and_headings(page):
    dead = []
    for link in _LINK.findall(prose_of(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        headings = (
            [place_of(heading) for heading in _HEADING.findall(prose_of(target))] if target.suffix == ".md" else []
        )
        if not target.exists() or (anchor and anchor not in headings):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_files_that_a_page_names_are_there(page):
    """Named from the root, from packages_app/, or as a page of docs/."""
    places = (ROOT, ROOT / "packages_app", ROOT / "docs")
    files = [file for file in _FILE.findall(prose_of(page)) if not file.startswith(("build/", "/"))]
    assert [file for file in files if not any((place / file).exists() for place in places)] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs/decisions").glob("0*.md")), ids=lambda page: page.stem[:4])
def test_a_decision_says_why_what_follows_and_what_was_measured_and_is_listed(page):
    title, *headings = _HEADING.findall(text_of(page))
    assert title.startswith(f"{int(page.stem[:4])}. ")
    assert headings == ["Context", "Decision", "Consequences", "Measured"]
    assert f"({page.name})" in text_of(page.parent / "index.md")


def test_the_version_is_the_newest_of_the_changelog():
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    [newest, *_] = re.findall(r"^## (\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\)$", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert project["version"] == newest


def numbers_of_requirements():
    """R4 of each heading, R4.2 of each item below it, P7 of each property."""
    text = text_of(ROOT / "docs/REQUIREMENTS.md")
    numbers = set(re.findall(r"^- \*\*(P\d+)\*\*", text, re.MULTILINE))
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        for number in re.findall(r"\bR\d+\b", section.partition("\n")[0]):
            numbers |= {number, *(f"{number}.{item}" for item in re.findall(r"^(\d+)\. ", section, re.MULTILINE))}
    return numbers


def words_of(file):
    """The text of a file of code on one line, so that what is wrapped is read whole."""
    return " ".join(text_of(file).split())


def test_references_of_the_code_lead_to_headings_and_numbers_that_are_there():
    sections, numbers = _HEADING.findall(prose_of(ROOT / "docs/ARCHITECTURE.md")), numbers_of_requirements()
    dead, found = [], 0
    for file in sorted((ROOT / "packages_app").rglob("*.py")):
        text = words_of(file)
        named_sections = re.findall(r"docs/ARCHITECTURE\.md, (.{30})", text)
        named_numbers = re.findall(r"docs/REQUIREMENTS\.md ((?:R[\d.]*\d(?:, |-)?)+)", text)
        found += len(named_sections) + len(named_numbers)
        dead += [(file.name, name) for name in named_sections if not name.startswith(tuple(sections))]
        dead += [(file.name, one) for name in named_numbers for one in re.split(", |-", name) if one not in numbers]
        dead += [(file.name, name) for name in re.findall(r"DESIGN \d|\(R\d+[^)]*\)", text)]
    assert dead == []
    assert found


def test_numbers_that_tests_name_are_there():
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    named_numbers = {
        (file.name, one)
        for file in files
        for name in re.findall(r"\(((?:[RP]\d+(?:\.\d+)?(?:, |-|(?=\))))+)\)", words_of(file))
        for one in re.split(", |-", name)
    }
    numbers = numbers_of_requirements()
    assert sorted(one for one in named_numbers if one[1] not in numbers) == []


def pins_of(lock):
    """Each name with its versions: those for newer Pythons may be others."""
    pins = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", text_of(lock), re.MULTILINE):
        pins.setdefault(name, set()).add(version)
    return pins


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-saml.lock", "requirements-docs.lock"])
def test_a_lock_names_the_versions_of_the_development_lock_and_no_address(name):
    development, pins = pins_of(ROOT / "requirements-dev.lock"), pins_of(ROOT / name)
    shared = set(development) & set(pins)
    assert "django" in shared
    assert {one: pins[one] for one in shared} == {one: development[one] for one in shared}
    assert "://" not in text_of(ROOT / name)
