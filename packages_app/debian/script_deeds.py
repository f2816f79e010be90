"""What a maintainer script does to the rights and the places of files, as far as its words tell."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from packages_app.debian.shell_words import commands_in

_SHELLS = ("sh", "ash", "bash", "dash", "ksh", "mksh", "posh", "zsh")
_LONGEST = 1024 * 1024
"""In bytes; those of Debian are below 300 KiB."""
_LONGEST_SAID = 200
_PROGRAMS = ("chmod", "install", "dpkg-statoverride", "setcap", "dpkg-divert")
_CALLS_CHMOD = re.compile(r"(?:\.|::|->)[fl]?chmod(?:at)?,?\Z")
_GRANTS_CAPABILITIES = "security.capability"
_DPKG_KEEPS = re.compile(r"lib/dpkg/(diversions|statoverride)\b")
_UNSEEN = re.compile(r"[$`%{}*?\[]")
# Of a script that no shell runs: its words are not told apart.
_RIGHTS_MARKS = re.compile(
    rb"(?<![\w-])(?:[fl]?chmod(?:at)?|setcap|l?setxattr|dpkg-statoverride|lib/dpkg/statoverride|S_IS[UG]ID"
    rb"|security\.capability|install\b[^\n]{0,200}-m)|(?<![\w.])0?o?[2467][0-7]{3}(?![\w.])"
)
_DIVERSION_MARKS = re.compile(rb"dpkg-divert|lib/dpkg/diversions")
_SYMBOLIC = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]+|[ugo]|[0-7]+)?)+)\Z")
_OF_FOLDERS = re.compile(r"/(var|run|srv|home|media|mnt|tmp)/")
# tmpfiles.d(5): type, path, mode. Those of folders are left out: setgid is common there, and setuid means nothing.
_TMPFILES = re.compile(r"(?<![\w/])[fFwpLcbCzZ][-+!=~^$]*\s+[\"']?(/[^\s\"']+)[\"']?\s+[~:]*([0-7]{4,5})\b")
# sysusers.d(5): type, name, id.
_ROOT_AGAIN = re.compile(r"^\s*u!?\s+(\S+)\s+[\"']?0+(?:[:\s\"']|$)", re.MULTILINE)


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
    said = set()
    for words in commands_in(text):
        for code in _codes_of(words):
            said.add((code, f"says {_shown(' '.join(words))}"))
    yield from sorted(said)
    for line in tmpfiles_rights(text):
        yield "setuid", f"says {line}"


def tmpfiles_rights(text: str) -> list[str]:
    """Return the lines of tmpfiles.d(5) in a text that set a setuid or setgid mode."""
    matches = _TMPFILES.finditer(text)
    return [_shown(found[0]) for found in matches if _matters(int(found[2], 8), [found[1]])]


def users_of_root(text: str) -> list[str]:
    """Return the users in a text of sysusers.d(5) that would have root's number."""
    return [found[1] for found in _ROOT_AGAIN.finditer(text)]


def _is_shell(script: bytes) -> bool:
    first = script.partition(b"\n")[0].decode("latin-1")
    if not first.startswith("#!"):
        return b"\0" not in script  # dpkg's execvp gives it to a shell
    words = first[2:].split()
    if words and words[0].rpartition("/")[2] == "env":
        words = words[1:]
    return bool(words) and words[0].rpartition("/")[2] in _SHELLS and all(word[0] in "-+" for word in words[1:])


def _codes_of(words: Sequence[str]) -> set[str]:
    codes = set()
    for number, word in enumerate(words):
        program, rest = _program(word), words[number + 1 :]
        if program == "dpkg-divert" or _keeps(word) == "diversions":
            codes.add("diversion")
        elif (
            program == "setcap"
            or _GRANTS_CAPABILITIES in word
            or _keeps(word) == "statoverride"
            or _CALLS_CHMOD.search(word)
            or (program == "chmod" and _chmod_matters(rest))
            or (program == "install" and _install_matters(rest))
            or (program == "dpkg-statoverride" and _override_matters(rest))
        ):
            codes.add("setuid")
    if words and _UNSEEN.search(words[0]) and any(_is_setuid_number(word) for word in words[1:]):
        codes.add("setuid")
    return codes


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
    given = [word.strip(",\"'") for word in words]
    modes = [bits for word in given if (bits := _bits(word))]
    mode = next((word for word in given if not re.match(r"-[Rcfv]+\Z|--", word)), "")
    return bool(_UNSEEN.search(mode)) or any(_matters(bits, words[1:]) for bits in modes)


def _install_matters(words: Sequence[str]) -> bool:
    folders = any(re.match(r"-[A-Za-z]*d|--dir", word) for word in words)
    for number, word in enumerate(words):
        if not (found := re.match(r"(?:--m[ode]*=?|-[A-Zabcdpsv]*m)", word)):
            continue
        mode = word[found.end() :] or "".join(words[number + 1 : number + 2])
        if _UNSEEN.search(mode) or (not folders and _bits(mode)):
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
