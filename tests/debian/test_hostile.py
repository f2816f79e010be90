"""No file that is uploaded or offered crashes, hangs or fills the process that opens it, or is read otherwise than dpkg
reads it.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.debian.hostile import FILES, SOUND
from tests.stack import REPOSITORY

MEMORY_BOUND = 100 * 1024 * 1024


pytestmark = pytest.mark.outside


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for name, make in FILES.items():
        (folder / name).write_bytes(make())
    return folder


@pytest.fixture(scope="module")
def outcomes(corpus):
    # Coverage would measure itself.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, "-m", "tests.debian.opener", str(corpus)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    found = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert found.keys() == FILES.keys()
    return found


def test_every_hostile_file_is_refused_with_its_reason(outcomes):
    wrong = [found for name, found in outcomes.items() if found["outcome"] != ("read" if name in SOUND else "refused")]
    assert wrong == []
    assert all(found["said"] for found in outcomes.values())


def test_no_file_fills_the_memory(outcomes):
    assert [found for found in outcomes.values() if found["memory"] > MEMORY_BOUND] == []


def test_what_looks_odd_and_is_sound_is_read_as_dpkg_reads_it(corpus, outcomes):
    for name in SOUND:
        command = ["dpkg-deb", "--field", str(corpus / name), "Version"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert outcomes[name]["said"] == shown.strip(), name
