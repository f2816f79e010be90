"""The documentation says what is: its settings, commands, files and links are those of the repository."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
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
    assert [page.splitlines()[0] for page in reference["pages"] if str(ROOT) in page or str(Path.home()) in page] == []


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


def test_the_version_is_the_newest_of_the_changelog():
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    [newest, *_] = re.findall(r"^## (\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\)$", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert project["version"] == newest
