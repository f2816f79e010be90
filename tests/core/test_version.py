"""Version order is dpkg's own (P19, R12)."""

import random
import re
import subprocess

import pytest
from hypothesis import given, settings

from packages_app.core.errors import InvalidVersion
from packages_app.core.version import parse_version, version_key, without_epoch
from tests.records import versions

PAIRS = 20_000


_ASK = (
    "use Dpkg::Version; $| = 1; while (<STDIN>) { my ($a, $b) = split;"
    ' my $c = Dpkg::Version->new($a) <=> Dpkg::Version->new($b); print(("eq", "gt", "lt")[$c], "\n") }'
)


@pytest.fixture(scope="module")
def dpkg():
    """Ask the real dpkg, by Dpkg::Version of dpkg-dev, which versions of a list of pairs: one process for all tests.

    It returns "lt", "eq" or "gt" for each.
    """
    with subprocess.Popen(["perl", "-e", _ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as perl:

        def order(pairs):
            said = []
            for first, second in pairs:
                perl.stdin.write(f"{first} {second}\n")
                perl.stdin.flush()
                said.append(perl.stdout.readline().strip())
            return said

        yield order
        perl.stdin.close()


def ordered_by_key(first, second):
    one, two = version_key(first), version_key(second)
    return "lt" if one < two else "gt" if one > two else "eq"


@pytest.fixture(scope="module")
def debian_versions():
    """Every version in the machine's own package lists."""
    available = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    found = sorted(set(re.findall(r"^Version: (\S+)$", available, re.MULTILINE)))
    assert len(found) > 1000, "run apt-get update first"
    return found


@pytest.mark.parametrize("part", range(4))
def test_the_key_sorts_debians_own_versions_as_dpkg_does(debian_versions, dpkg, part):
    chance = random.Random(part)
    # Near neighbours are the hard ones: half of the pairs are of versions that sort close by.
    close = [(at := chance.randrange(len(debian_versions) - 9), at + chance.randrange(1, 9)) for _ in range(PAIRS // 8)]
    pairs = [(debian_versions[one], debian_versions[two]) for one, two in close]
    pairs += [(chance.choice(debian_versions), chance.choice(debian_versions)) for _ in range(PAIRS // 8)]
    wrong = [
        (first, second, said)
        for (first, second), said in zip(pairs, dpkg(pairs), strict=True)
        if ordered_by_key(first, second) != said
    ]
    assert len(pairs) == PAIRS // 4
    assert wrong == []


@settings(max_examples=150)
@given(versions, versions)
def test_p19_the_key_sorts_made_up_versions_as_dpkg_does(dpkg, first, second):
    assert [ordered_by_key(first, second)] == dpkg([(first, second)])


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        ("1.9.0", "1.10.0"),
        ("1.0~rc1", "1.0"),
        ("1.0", "1.0+b1"),
        ("1.0", "1.0a"),
        ("9", "1:0"),
        ("1.0-1", "1.0-1.1"),
        ("1" * 59, "1" * 60),
        ("1" * 60, "1" * 61),
        ("1.0~~", "1.0~"),
    ],
)
def test_known_pairs(smaller, larger):
    assert version_key(smaller) < version_key(larger)
    assert subprocess.run(["dpkg", "--compare-versions", smaller, "lt", larger], check=False).returncode == 0


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.0-0"), ("1.0", "0:1.0"), ("1.00", "1.0"), ("1.", "1.0")])
def test_what_dpkg_holds_equal_has_one_key(one, other):
    assert version_key(one) == version_key(other)


@pytest.mark.parametrize(
    "text", ["", "-1", "1_0", "a:1", "1.0-", "1 0", ":1", "1.0\n", "99999999999:1", "1" * 257, "é"]
)
def test_what_is_no_version_is_refused(text):
    with pytest.raises(InvalidVersion) as refused:
        version_key(text)
    assert "deb-version(7)" in refused.value.remedy


def test_a_version_is_taken_apart():
    version = parse_version("2:1.0-rc-3")
    assert (version.epoch, version.upstream, version.revision) == (2, "1.0-rc", "3")
    assert without_epoch("2:1.0-3") == "1.0-3"
