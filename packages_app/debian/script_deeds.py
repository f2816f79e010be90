"""What a maintainer script does to the rights and the places of files, as far as its words tell."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice

from packages_app.debian.shell_words import TooMuchToRead, commands_in

_SHELLS = ("sh", "ash", "bash", "dash", "ksh", "mksh", "posh", "zsh")
_LONGEST = 1024 * 1024
"""In bytes; those of Debian are below 300 KiB."""
_LONGEST_SAID = 200
_PROGRAMS = ("chmod", "install", "dpkg-statoverride", "setcap", "filecap", "dpkg-divert", "rsync", "tar")
_OF_CAPABILITIES = ("setcap", "filecap")
_MODE_OPTIONS = {"rsync": ("--chmod",), "tar": ("--mode", "--mod", "--mo")}
_CALLS_CHMOD = re.compile(r"(?:\.|::|->)[fl]?chmod(?:at|Sync)?,?\Z")
_GRANTS_CAPABILITIES = "security.capability"
_DPKG_KEEPS = re.compile(r"lib/dpkg/(diversions|statoverride)\b")
_UNSEEN = re.compile(r"[$`%{}*?\[]")
# Of a script that no shell runs: its words are not told apart.
_WORDS_OF_RIGHTS = (
    r"(?<![\w-])(?:setcap|filecap|l?setxattr|dpkg-statoverride|lib/dpkg/statoverride|S_IS[UG]ID|security\.capability"
    r"|(?:install|rsync)\b[^\n]{0,200}[\s\"',](?:-[A-Za-z]{0,20}m|--(?:ch)?m))"
)
_RIGHTS_MARKS = re.compile(rf"{_WORDS_OF_RIGHTS}|(?<![\w-])[fl]?chmod|(?<![\w.])0?o?[2467][0-7]{{3}}(?![\w.])".encode())
_INLINE_DIVERSIONS = re.compile(r"dpkg-divert|lib/dpkg/diversions")
_DIVERSION_MARKS = re.compile(_INLINE_DIVERSIONS.pattern.encode())
# Of a program of another language inside of a shell script: numbers are octal ones alone, of which there are few, and
# `chmod 0644` is passed over.
_INLINE_RIGHTS = re.compile(
    rf"{_WORDS_OF_RIGHTS}|(?<![\w-])[fl]?chmod(?![\s(]*0?[0-7]{{3}}(?![0-9])\s*[,\w/$\"'])|(?<![\w.])0o?[2467][0-7]{{3}}(?![\w.])"
)
_INTERPRETER = re.compile(
    r"(?<![\w.-])(?:perl|python|pypy|ruby|php|node(?:js)?|lua(?:jit)?|tclsh)[0-9.]{0,8}(?![\w/.-])"
)
_HERE = re.compile(r"<<-?[ \t]{0,20}[\"'\\]?(\w{1,80})")
_SYMBOLIC = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]+|[ugo]|[0-7]+)?)+)\Z")
_OF_FOLDERS = re.compile(r"/(var|run|srv|home|media|mnt|tmp)/")
# tmpfiles.d(5): type, path, mode. Those of folders are left out: setgid is common there, and setuid means nothing.
_TMPFILES = re.compile(r"(?<![\w/])[fFwpLcbCzZm][-+!=~^$]*\s+[\"']?(/[^\s\"']+)[\"']?\s+[~:]*([0-7]{4,5})\b")
_TMPFILES_TYPES = re.compile(r"[fFwpLcbCzZm][-+!=~^$]*\Z")
# systemd takes quotes and backslashes away as a shell does.
_FIELD = re.compile(r"(?:\"[^\"\n]*\"?|'[^'\n]*'?|\\.?|[^\s\"'\\])+")
_QUOTING = re.compile(r"[\"'\\]")
_OF_ROOT = re.compile(r"0+(?::.*)?\Z")
_USER_LINES = ("u", "u!")


def deeds_of(script: bytes) -> Iterator[tuple[str, str]]:
    """Yield the code of a caution, `setuid` or `diversion`, and what in a script is cause for it."""
    if len(script) > _LONGEST:
        yield "setuid", f"has {len(script)} bytes, more than are read"
        return
    if not _is_shell(script):
        for code, marks in (("setuid", _RIGHTS_MARKS), ("diversion", _DIVERSION_MARKS)):
            if found := marks.search(script):
                word = found[0][:40].decode("utf-8", "replace")
                yield code, f"is no shell script, and has the word {word!r} (SHA256 {_digest(script)})"
        return
    text = script.decode("utf-8", "replace")
    try:
        yield from sorted(set(_shell_deeds(text)))
    except TooMuchToRead:
        yield "setuid", f"has variables that stand for more than is read (SHA256 {_digest(script)})"
    for line in tmpfiles_rights(text):
        yield "setuid", f"says {line}"


def _shell_deeds(text: str) -> Iterator[tuple[str, str]]:
    other_language = bool(_INTERPRETER.search(text))
    of_texts: set[tuple[str, str]] = set()
    for words in commands_in(text):
        line = " ".join(words)
        for code in _codes_of(words):
            yield code, f"says {_shown(line)}"
        if found := _INTERPRETER.search(line):
            other_language = True
            yield from _inline_deeds(line[found.end() :])
        elif words and words[0] in ("echo", "printf"):
            of_texts |= set(_inline_deeds(line))
    if other_language:
        yield from of_texts
        for line in _here_documents(text):
            yield from _inline_deeds(line)


def tmpfiles_rights(text: str) -> list[str]:
    """Return the lines of tmpfiles.d(5) in a text that set a setuid or setgid mode, or capabilities."""
    matches = _TMPFILES.finditer(text)
    found = [_shown(found[0]) for found in matches if _matters(int(found[2], 8), [found[1]])]
    lines = [line.strip() for line in text.split("\n")]
    return found + [_shown(line) for line in lines if _is_of_rights(line) and not any(one in line for one in found)]


def _is_of_rights(line: str) -> bool:
    """Judge a line of tmpfiles.d with quotes about its fields, and one that sets attributes of a file."""
    fields = _fields(line)
    if fields and fields[0][:1] in ("t", "T") and _GRANTS_CAPABILITIES in line:
        return True
    mode = fields[2].lstrip("~:") if len(fields) > 2 and _TMPFILES_TYPES.match(fields[0]) else ""
    return _matters(_number_bits(mode), fields[1:2])


def users_of_root(text: str) -> list[str]:
    """Return the users in a text of sysusers.d(5) that would have root's number: of `u`, name and id."""
    lines = map(_fields, text.split("\n"))
    return [line[1] for line in lines if line[2:] and line[0] in _USER_LINES and _OF_ROOT.match(line[2])]


def _fields(line: str) -> list[str]:
    """Return the first three fields of a line of tmpfiles.d or sysusers.d."""
    return [_QUOTING.sub("", found[0]) for found in islice(_FIELD.finditer(line), 3)]


def _here_documents(text: str) -> Iterator[str]:
    """Yield the lines of the texts in a shell script that it gives to programs as they stand."""
    ends: set[str] = set()
    for line in text.split("\n"):
        if ends:
            yield line
            ends.discard(line.lstrip("\t"))
        ends |= {found[1] for found in _HERE.finditer(line)}


def _inline_deeds(line: str) -> Iterator[tuple[str, str]]:
    """Say what a line of another language does that a shell script gives to its program."""
    for code, marks in (("setuid", _INLINE_RIGHTS), ("diversion", _INLINE_DIVERSIONS)):
        if marks.search(line):
            yield code, f"gives a program of another language {_shown(line.strip())}"


def _is_shell(script: bytes) -> bool:
    first = script.partition(b"\n")[0].decode("latin-1")
    if not first.startswith("#!"):
        return b"\0" not in script  # dpkg's execvp gives it to a shell
    words = first[2:].split()
    if words and words[0].rpartition("/")[2] == "env":
        words = words[1:]
    return bool(words) and words[0].rpartition("/")[2] in _SHELLS and all(word[0] in "-+" for word in words[1:])


def _codes_of(words: Sequence[str]) -> set[str]:
    codes: set[str] = set()
    distinct = set(words)  # variables may give a command the same words again and again
    programs = {word: program for word in distinct if (program := _program(word))}
    places: dict[str, list[int]] = {}
    for number, word in enumerate(words):
        if word in programs:
            places.setdefault(programs[word], []).append(number)
    kept = set(map(_keeps, distinct))
    if "dpkg-divert" in places or "diversions" in kept:
        codes.add("diversion")
    if (
        "statoverride" in kept
        or any(program in places for program in _OF_CAPABILITIES)
        or any(_GRANTS_CAPABILITIES in word or _CALLS_CHMOD.search(word) for word in distinct)
        or any(_sets_rights(program, words, places[program]) for program in places)
        or (words and _UNSEEN.search(words[0]) and any(map(_is_setuid_number, distinct)))
    ):
        codes.add("setuid")
    return codes


def _sets_rights(program: str, words: Sequence[str], places: Sequence[int]) -> bool:
    """Say whether a program, whose name stands at these places of a command, sets setuid or setgid bits there.

    What stands behind the first place is looked at once, however often the name comes: a script may be one of nothing
    but names.
    """
    rest = words[places[0] + 1 :]
    if program == "chmod":
        return _chmod_matters(rest) or any(_is_unseen_mode(words, place + 1) for place in places)
    if program == "install":
        return _install_matters(rest, len(places))
    if program == "dpkg-statoverride":
        return _override_matters(rest)
    return program in _MODE_OPTIONS and _option_matters(_MODE_OPTIONS[program], rest)


def _program(word: str) -> str:
    """Return which of the programs a word names, "" for none; it may be a pattern for its name."""
    name = word.rpartition("/")[2]
    if name in _PROGRAMS:
        return name
    if "/" in word and re.search(r"[*?\[]", name) and name.strip("*?"):
        return next((program for program in _PROGRAMS if fnmatchcase(program, name)), "")
    return ""


def _keeps(word: str) -> str:
    found = _DPKG_KEEPS.search(word)
    return found[1] if found else ""


def _chmod_matters(words: Sequence[str]) -> bool:
    if any(word.startswith("--ref") for word in words):
        return True
    bits = 0
    for word in words:
        # The call of another language has its mode between commas.
        for part in {word.strip(",\"'"), *re.split(r"[,\"'|]", word)}:
            bits |= _bits(part)
    return _matters(bits, words[1:])


def _is_unseen_mode(words: Sequence[str], place: int) -> bool:
    while place < len(words) and re.match(r"-[Rcfv]+\Z|--", words[place]):
        place += 1
    return place < len(words) and bool(_UNSEEN.search(words[place]))


def _install_matters(words: Sequence[str], times: int) -> bool:
    """Look at what stands behind the first `install` of a command that has several, as find(1) may."""
    modes, folders = [], 0
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, equals, value = word.partition("=")
        if len(name) > len("--") and "--mode".startswith(name):
            modes.append(value if equals else following)
        elif len(name) > len("--") and "--directory".startswith(name):
            folders += 1
        elif found := re.match(r"-([A-RT-Zabcdpsv]*)", word):  # those that take a value end the options of a word
            folders += "d" in found[1]
            if word[found.end() :].startswith("m"):
                modes.append(word[found.end() + 1 :] or following)
    bits = 0
    for mode in modes:
        bits |= _bits(mode)
    return any(map(_UNSEEN.search, modes)) or bool(bits & 0o4000 or (bits and folders < times))


def _option_matters(names: Sequence[str], words: Sequence[str]) -> bool:
    """Say whether an option of one of these names sets rights; rsync's may say `D` (of folders) or `F` first."""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, equals, value = word.partition("=")
        if name in names:
            clauses = (value if equals else following).split(",")
            modes = ",".join(clause.removeprefix("F") for clause in clauses if not clause.startswith("D"))
            if _UNSEEN.search(modes) or any(map(_bits, [modes, *modes.split(",")])):
                return True
    return False


def _override_matters(words: Sequence[str]) -> bool:
    given = [word for word in words if not word.startswith("-")]
    unseen = any(word == "--add" for word in words) and bool(_UNSEEN.search("".join(given[2:3])))
    return unseen or any(bool(_number_bits(word)) for word in given)


def _matters(bits: int, paths: Sequence[str]) -> bool:
    """Say whether a mode matters: setgid alone does not on what looks like a folder of data."""
    named = [path for path in paths if "/" in path]
    return bool(bits & 0o4000 or (bits & 0o2000 and not (named and all(map(_OF_FOLDERS.search, named)))))


def _bits(mode: str) -> int:
    """Return the setuid and setgid bits that a mode of chmod(1) sets, 0 for none and for what is no mode."""
    if re.match(r"[0-7]+\Z", mode):
        return _number_bits(mode)
    bits = 0
    for clause in mode.split(","):
        found = _SYMBOLIC.match(clause)
        if not found:
            return 0
        for sign, given in re.findall(r"([-+=])([a-zA-Z0-7]*)", found[2]):
            if sign != "-" and given[:1].isdigit():
                bits |= _number_bits(given)
            elif sign != "-" and "s" in given:
                who = found[1] or "a"
                bits |= (0o4000 if set(who) & set("ua") else 0) | (0o2000 if set(who) & set("ga") else 0)
    return bits


def _number_bits(digits: str) -> int:
    return int(digits, 8) & 0o6000 if re.match(r"[0-7]{1,12}\Z", digits) else 0


def _is_setuid_number(word: str) -> bool:
    return bool(re.match(r"0*[4-7][0-7]{3}\Z", word)) and bool(_number_bits(word) & 0o4000)


def _shown(command: str) -> str:
    """Return a text as it is named: on one line, and with a digest where it is not whole."""
    line = "".join(char if char.isprintable() else " " for char in command)
    if line == command and len(line) <= _LONGEST_SAID:
        return line
    return f"{line[:_LONGEST_SAID]} (SHA256 {_digest(command.encode())})"


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
