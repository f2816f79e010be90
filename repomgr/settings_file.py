"""The settings file: lines that `make up`, every process and every command read; the environment stands over it.

A line is `NAME=value`, as systemd's EnvironmentFile= and the env_file of Docker Compose read it alike. What the two
read differently (a dollar sign, a backslash, ` #` outside of quotes) is refused, so one file serves all three.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from packages_app.core.errors import SettingsError
from packages_app.core.home import SETTINGS_FILE
from packages_app.core.readable import why_unreadable
from repomgr import environment
from repomgr.setting_meanings import MEANINGS

_BOM = "\ufeff"
_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")
_BARE = re.compile(r"""[^\s'"\\$`#](?:[^'"\\$`#]|(?<=[^\s])#)*""")
_QUOTED = re.compile(r"""'(?P<single>(?:[^']*[^'\\])?)'|"(?P<double>[^"\\$`]*)\"""")
_LINE_REMEDY = (
    "Write NAME=value, the value in single quotes where it has blanks, quotes or signs; what has several lines, such as"
    " a key, goes into a file of its own, named by NAME_FILE."
)
OTHERS = frozenset(
    {
        "AWS_ACCESS_KEY_ID", "AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_DEFAULT_PROFILE", "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "AWS_STS_REGIONAL_ENDPOINTS", "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT", "AWS_WEB_IDENTITY_TOKEN_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_DIR",
        "SSL_CERT_FILE", "TMPDIR",
    }
)  # fmt: skip
"""Names that are read by the libraries we use, not by us."""
_SECRET = frozenset(
    {
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "BROKER_URL", "DATABASE_URL", "GITHUB_TOKEN", "METRICS_TOKEN",
        "NOTIFY_URLS", "SECRET_KEY", "SHARD_CACHE_URL", "SIGNING_KEY", "SIGN_IN_OIDC_CLIENT_SECRET", "SOURCE_TOKENS",
    }
)  # fmt: skip
_PATHS = frozenset({"REPOMGR_HOME", "REPOMGR_CONFIG", "AWS_CA_BUNDLE", "SSL_CERT_DIR", "TMPDIR"})


def load_settings() -> None:
    """Add what the settings file says to this process's environment, where that says nothing; safe to repeat.

    What is withheld from this process goes from its environment too.
    Raise `SettingsError` for a file that is named and missing, one that can't be read, and lines and names that are
    not known; no value is shown.
    """
    path = settings_path()
    if path is not None:
        add_values(os.environ, read_settings(path))
    for name in environment.withheld():
        if name not in OTHERS and name not in MEANINGS:
            raise SettingsError(f"WITHHELD names {name}, which is no setting.", remedy="Name settings, without _FILE.")
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)


def settings_path() -> Path | None:
    """Return the path of the settings file: REPOMGR_SETTINGS, or `repomgr.env` in the home; None when none is there."""
    named = environment.text("REPOMGR_SETTINGS", default="")
    path = Path(named).expanduser().absolute() if named else environment.home() / SETTINGS_FILE
    try:
        path.lstat()
    except FileNotFoundError:
        if not named:
            return None
        raise SettingsError(
            f"REPOMGR_SETTINGS names {path}, which is not there.", remedy="Correct it, or unset it."
        ) from None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    # A link that leads nowhere is a file that lacks, not a home without one; a pipe would be waited for.
    if named != os.devnull and (why := why_unreadable(path)):
        raise _unreadable(path, why)
    return path


def read_settings(path: Path) -> dict[str, str]:
    """Return the values of a settings file by name; raise `SettingsError`, which names every line that is wrong."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "it is not UTF-8") from error
    values, faults = _parse(text)
    faults += _faults_of(values, in_home=path == environment.home() / SETTINGS_FILE)
    if faults:
        said = "; ".join(f"line {number}: {what}" for number, what in sorted(faults))
        raise SettingsError(f"The settings file {path} can't be used: {said}.", remedy=_LINE_REMEDY)
    return {name: value for name, (_, value) in values.items()}


def holds_secrets(path: Path) -> bool:
    """Return whether a settings file gives a value to a setting that is, or may hold, a secret."""
    return any(value and name in _SECRET for name, value in read_settings(path).items())


def add_values(into: MutableMapping[str, str], values: Mapping[str, str]) -> None:
    """Add values where neither NAME nor NAME_FILE is set; empty counts as not set."""
    given = {_setting_of(name) for name, value in into.items() if value}
    into.update({name: value for name, value in values.items() if value and _setting_of(name) not in given})


def _parse(text: str) -> tuple[dict[str, tuple[int, str]], list[tuple[int, str]]]:
    """Return line number and value by name, and (line number, what is wrong) of lines."""
    values: dict[str, tuple[int, str]] = {}
    faults: list[tuple[int, str]] = []
    for number, raw in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        line = raw.strip(" \t")
        if not line or line[0] == "#":
            continue
        # Of a line that is none, nothing is shown: it may be a part of a key.
        found = _LINE.fullmatch(line)
        value = _value_of(found[2].strip(" \t")) if found else None
        if found is None:
            faults.append((number, _why_no_line(line)))
        elif value is None:
            faults.append((number, f"the value of {found[1]} would be read in several ways"))
        elif found[1] in values:
            faults.append((number, f"{found[1]} stands in line {values[found[1]][0]} too"))
        else:
            values[found[1]] = number, value
    return values, faults


def _why_no_line(line: str) -> str:
    if line.startswith(_BOM):
        return "it begins with a byte order mark, which would be a part of the name; save the file without it"
    if line.startswith("export "):
        return "it begins with export, which shells alone read"
    return "it is no NAME=value"


def _value_of(written: str) -> str | None:
    """Return the value as it is written after the =; None when it can't be told for certain."""
    if not written.isprintable():
        return None
    if not written or _BARE.fullmatch(written):
        return written
    quoted = _QUOTED.fullmatch(written)
    return (quoted["single"] or quoted["double"] or "") if quoted else None


def _faults_of(values: Mapping[str, tuple[int, str]], *, in_home: bool) -> list[tuple[int, str]]:
    faults = []
    for name, (number, value) in values.items():
        setting = _setting_of(name)
        if name not in OTHERS and setting not in MEANINGS:
            [*near] = difflib.get_close_matches(name, [*MEANINGS, *OTHERS], n=1, cutoff=0.75)
            faults.append((number, f"there is no setting {name}" + (f" (is {near[0]} meant?)" if near else "")))
        elif setting == "REPOMGR_SETTINGS" or (setting == "REPOMGR_HOME" and in_home):
            faults.append((number, f"{name} says where this file is, so it can't stand in it"))
        elif name != setting and setting in values:
            faults.append((number, f"{setting} and {name} are both set"))
        elif value and (name in _PATHS or name.endswith("_FILE")) and value[0] not in "/~":
            faults.append((number, f"{name} is not an absolute path, so it would depend on who reads it"))
    return faults


def _setting_of(name: str) -> str:
    """Return NAME for NAME_FILE; names of other programs that end so are what they are."""
    return name if name in OTHERS else name.removesuffix("_FILE")


def _unreadable(path: Path, why: str) -> SettingsError:
    return SettingsError(
        f"The settings file {path} can't be read: {why}.",
        remedy="Run this as the user that the server runs as, or mend the file.",
    )
