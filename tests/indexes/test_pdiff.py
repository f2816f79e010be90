"""Patches between states of an index: what a script, once applied, gives, and what was read to make it."""

import gzip
import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.indexes.differing import differing_runs
from packages_app.indexes.ed_script import merged_script, parse_script, render_script
from packages_app.indexes.pdiff import content_of, ed_script, lines_to_compare, make_patch, render_diff_index


@dataclass(frozen=True)
class CutShard:
    """A shard as the index keeps it."""

    sha256: str
    lines: int


class Texts:
    """Shard texts by SHA256; `asked` are those that were read."""

    def __init__(self):
        self.kept = {}
        self.asked = []

    def cut(self, stanzas, ends_shard):
        """Give the shards of stanzas, a shard ending after each stanza that `ends_shard` says so of."""
        shards, text = [], b""
        for number, stanza in enumerate(stanzas, 1):
            text += stanza
            if ends_shard(stanza) or number == len(stanzas):
                shards.append(CutShard(hashlib.sha256(text).hexdigest(), text.count(b"\n")))
                self.kept[shards[-1].sha256] = text
                text = b""
        return shards

    def of(self, sha256):
        self.asked.append(sha256)
        return self.kept[sha256]


def by_name(stanza):
    """Say whether a hash of the package's name ends a shard, as it does of one name in four."""
    return hashlib.sha256(stanza.split(b"\n")[0]).digest()[0] < 64


def stanza_of(name, version="1.0", *more):
    lines = [f"Package: {name}", f"Version: {version}", "Architecture: amd64", *more, "Description: one", " .", " two"]
    return "\n".join([*lines, "", ""]).encode()


def script_between(old, new, ends_old_shard=by_name, ends_new_shard=by_name):
    texts = Texts()
    return ed_script(texts.cut(old, ends_old_shard), texts.cut(new, ends_new_shard), texts.of)


def applied(script, text):
    """Do what a script says, line by line, as ed(1) does."""
    lines = text.split(b"\n")[:-1]
    commands = iter(script.split(b"\n")[:-1])
    for command in commands:
        numbers = command[:-1].split(b",")
        first, last = int(numbers[0]), int(numbers[-1])
        start = first if command.endswith(b"a") else first - 1
        added = [] if command.endswith(b"d") else list(iter(commands.__next__, b"."))
        lines[start:last] = added
    return b"".join(line + b"\n" for line in lines)


names = st.sampled_from([f"{letter}{number}" for letter in "abcdef" for number in range(4)])
depends = st.lists(st.sampled_from(("Depends: a", "Section: misc", "Tag: x", " y", " .")), max_size=3)
contents = st.dictionaries(st.tuples(names, st.sampled_from(("1.0", "1.1", "2.0"))), depends, max_size=40)
edits = st.dictionaries(st.tuples(names, st.sampled_from(("1.0", "1.1", "2.0"))), st.none() | depends, max_size=5)


def stanzas_of(content):
    return [stanza_of(name, version, *more) for (name, version), more in sorted(content.items()) if more is not None]


@st.composite
def histories(draw, length=2):
    """Draw states of an index, each made of the one before by some packages added, changed and removed."""
    content = draw(contents)
    drawn = [stanzas_of(content)]
    while len(drawn) < length:
        content = content | draw(edits | contents)
        drawn.append(stanzas_of(content))
    return drawn


shard_ends = st.sets(names).map(lambda chosen: lambda stanza: stanza.split(b"\n")[0][9:].decode() in chosen)


@settings(max_examples=150)
@given(histories(), shard_ends, shard_ends)
def test_a_script_gives_exactly_the_new_file_wherever_shards_end(states, ends_old_shard, ends_new_shard):
    old, new = states
    script = script_between(old, new, ends_old_shard, ends_new_shard)
    assert applied(script, b"".join(old)) == b"".join(new)
    assert (script == b"") == (old == new)


@settings(max_examples=100)
@given(contents, st.randoms(use_true_random=False))
def test_a_script_gives_exactly_the_new_file_whatever_the_order_of_its_stanzas(content, random):
    old = stanzas_of(content)
    new = list(old)
    random.shuffle(new)
    assert applied(script_between(old, new), b"".join(old)) == b"".join(new)


@settings(max_examples=150)
@given(histories(3))
def test_two_scripts_made_one_do_what_both_do(states):
    first, second, third = states
    merged = merged_script(script_between(first, second), script_between(second, third))
    assert applied(merged, b"".join(first)) == b"".join(third)


@settings(max_examples=100)
@given(histories())
def test_a_script_is_read_back_as_it_was_written(states):
    script = script_between(*states)
    assert render_script(parse_script(script)) == script


@settings(max_examples=150)
@given(st.lists(st.integers(0, 8), max_size=12), st.lists(st.integers(0, 8), max_size=12))
def test_what_lies_between_differing_runs_is_equal_and_runs_never_touch(old, new):
    old_end = new_end = 0
    runs = list(differing_runs(old, new))
    for run in runs:
        assert old[old_end : run.old_start] == new[new_end : run.new_start]
        assert run.old_start <= run.old_end
        assert run.new_start <= run.new_end
        assert (run.old_start, run.new_start) != (run.old_end, run.new_end)
        old_end, new_end = run.old_end, run.new_end
    assert old[old_end:] == new[new_end:]
    assert all(run.old_end < following.old_start for run, following in pairwise(runs))


def test_an_added_package_is_one_command():
    old = [stanza_of(name) for name in ("a", "b", "d")]
    new = [stanza_of(name) for name in ("a", "b", "c", "d")]
    assert script_between(old, new) == b"14a\n" + stanza_of("c") + b".\n"


def test_an_updated_package_costs_its_changed_lines_alone():
    old = [stanza_of(name, "1.0", "Size: 10") for name in ("a", "b", "c")]
    new = [old[0], stanza_of("b", "1.1", "Size: 11"), old[2]]
    assert script_between(old, new) == b"12c\nSize: 11\n.\n10c\nVersion: 1.1\n.\n"


def test_lines_that_a_package_has_several_times_stay_out_of_its_patch():
    old, new = ([stanza_of("a", "1.0", "Tag:", " .", f" {tag}", " .", " .")] for tag in ("x", "y"))
    assert script_between(old, new) == b"6c\n y\n.\n"


def test_the_last_package_goes_and_all_go():
    stanzas = [stanza_of("a"), stanza_of("b")]
    assert script_between(stanzas, stanzas[:1]) == b"8,14d\n"
    assert script_between(stanzas, []) == b"1,14d\n"
    assert script_between([], stanzas[:1]).startswith(b"0a\nPackage: a\n")
    assert script_between(stanzas, stanzas) == b""


@pytest.mark.parametrize("changed", ["added", "updated", "removed"])
def test_only_texts_that_differ_are_read(changed):
    old = [stanza_of(f"p{number:04}") for number in range(1000)]
    new = list(old)
    new[500:501] = {
        "added": [old[500], stanza_of("p0500", "2.0")],
        "updated": [stanza_of("p0500", "2.0")],
        "removed": [],
    }[changed]
    texts = Texts()
    old_shards, new_shards = texts.cut(old, by_name), texts.cut(new, by_name)
    script = ed_script(old_shards, new_shards, texts.of)
    assert applied(script, b"".join(old)) == b"".join(new)
    assert len(old_shards) > 200
    assert len(texts.asked) == 2
    read = [shard for shard in (*old_shards, *new_shards) if shard.sha256 in texts.asked]
    assert lines_to_compare(old_shards, new_shards) == sum(shard.lines for shard in read)


@pytest.mark.parametrize("program", ["ed", "patch"])
def test_programs_that_read_such_scripts_agree(tmp_path, program):
    if not shutil.which(program):
        pytest.skip(f"this machine has no {program}")
    old = [stanza_of(f"p{number:02}", "1.0", f"Size: {number}") for number in range(60)]
    new = [stanza_of("a"), *old[1:20], stanza_of("p20", "1.1", "Size: 7", "Tag: x"), *old[25:], stanza_of("z")]
    path, script = tmp_path / "Packages", tmp_path / "script"
    path.write_bytes(b"".join(old))
    script.write_bytes(script_between(old, new))
    if program == "ed":
        subprocess.run(["ed", "-s", str(path)], input=script.read_bytes() + b"w\nq\n", check=True, timeout=60)
    else:
        subprocess.run(["patch", "-s", "--ed", str(path), str(script)], check=True, timeout=60)
    assert path.read_bytes() == b"".join(new)


@pytest.mark.parametrize("line", [".", "Tag: a\0b"])
def test_a_line_that_no_script_can_carry_is_refused(line):
    with pytest.raises(ValueError, match="can't carry"):
        script_between([stanza_of("a")], [stanza_of("a", "1.0", line)])


def test_a_text_that_is_lost_or_not_the_shards_is_refused():
    texts = Texts()
    old, new = texts.cut([stanza_of("a")], by_name), texts.cut([stanza_of("b")], by_name)
    kept = texts.kept.pop(old[0].sha256)
    with pytest.raises(KeyError):
        ed_script(old, new, texts.of)
    for wrong in (kept + b"\n", kept[:-1], kept[:-1] + b"\nx"):
        texts.kept[old[0].sha256] = wrong
        with pytest.raises(ValueError, match=r"\b7 lines\b"):
            ed_script(old, new, texts.of)


@pytest.mark.parametrize("script", [b"1a\nPackage: a\n", b"s/.//\n", b"a\n.\n", b"1,2\n"])
def test_what_is_no_script_is_refused(script):
    with pytest.raises(ValueError, match="ed script"):
        merged_script(script, b"")


def test_a_patch_has_the_same_bytes_and_name_each_time_and_reads_back():
    start, script = content_of(b"old"), b"1,7d\n"
    patch, body = make_patch(start, script)
    assert (patch, body) == make_patch(start, script)
    assert body[4:8] == b"\0\0\0\0"
    assert gzip.decompress(body) == script
    assert (patch.start, patch.script, patch.packed) == (start, content_of(script), content_of(body))
    assert patch.packed.sha256.startswith(patch.name)


def test_the_index_file_lists_each_patch_and_ends_with_the_current_state():
    older, _ = make_patch(content_of(b"older"), b"1,7d\n")
    old, _ = make_patch(content_of(b"old"), b"1,8d\n")
    current = content_of(b"current")
    assert render_diff_index(current, [older, old]).decode().splitlines() == [
        f"SHA256-Current: {current.sha256} 7",
        "SHA256-History:",
        f" {older.start.sha256} 5 {older.name}",
        f" {old.start.sha256} 3 {old.name}",
        f" {current.sha256} 7 end",
        "SHA256-Patches:",
        f" {older.script.sha256} 5 {older.name}",
        f" {old.script.sha256} 5 {old.name}",
        f" {old.script.sha256} 5 end",
        "SHA256-Download:",
        f" {older.packed.sha256} {older.packed.size} {older.name}.gz",
        f" {old.packed.sha256} {old.packed.size} {old.name}.gz",
        f" {old.packed.sha256} {old.packed.size} end.gz",
        "X-Patch-Precedence: merged",
    ]


def test_an_index_file_of_no_patch_or_of_two_from_one_state_is_refused():
    patch, _ = make_patch(content_of(b"old"), b"1,7d\n")
    for current, patches in ((b"new", []), (b"new", [patch, patch]), (b"old", [patch])):
        with pytest.raises(ValueError, match="needs patches"):
            render_diff_index(content_of(current), patches)
