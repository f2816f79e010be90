"""Typed readers of the environment, to which `settings_file` has added the file's values.

Nonsense is refused with the setting's name; NAME_FILE is read in place of NAME.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ

from packages_app.core.errors import SettingsError
from packages_app.core.home import is_home
from packages_app.core.locations import FolderStore, StoreLocation
from packages_app.core.redaction import redact
from packages_app.core.single_sign_on import is_https
from packages_app.core.source_tokens import host_named
from packages_app.core.web_address import is_plain_address

BASE_DIR = Path(__file__).resolve().parent.parent
DEFAULT_HOME = BASE_DIR / "var"
_LOCKED_SECONDS = 30
_DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql", "pgsql")
_BROKER_SCHEMES = ("filesystem", "redis", "rediss", "unix", "redis+socket", "sqs", "amqp", "amqps")
_MOST_CACHE_FILES = 20_000


@dataclass(frozen=True)
class Setting:
    """A setting that was read: what it takes, in words, and its default as it would be written ("" for none)."""

    name: str
    takes: str
    default: str


READ: dict[str, Setting] = {}
"""Every setting that was read in this process, by its name, in the order of their first reading."""


def _note(name: str, takes: str, default: str) -> None:
    READ.setdefault(name, Setting(name, takes, default))


def is_given(name: str) -> bool:
    """Return whether NAME or NAME_FILE is set; empty counts as not set."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def text(name: str, *, default: str) -> str:
    """Return NAME, or the stripped content of the file that NAME_FILE names; empty counts as not set."""
    _note(name, "text", default)
    path = os.environ.get(f"{name}_FILE", "")
    if not path:
        return os.environ.get(name, "").strip() or default
    if os.environ.get(name):
        raise SettingsError(f"{name} and {name}_FILE are both set.", remedy="Unset one of them.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE names {path}, which can't be read: {error}.", remedy="Check it.") from error


def token(name: str) -> str:
    """Return a secret that goes into a header, "" where none is set; one that no header can hold is refused unshown."""
    _note(name, "a token", "")
    value = text(name, default="")
    if not _fits_header(value):
        raise SettingsError(
            f"{name} holds a blank, a line's end or a character beyond ASCII.", remedy="Write the token alone."
        )
    return value


def host(name: str, *, default: str) -> str:
    """Return a host, or host and port, in lower case."""
    _note(name, "a host, or host:port", default)
    value = host_named(text(name, default=default))
    if not value:
        raise SettingsError(f"{name} names no host.", remedy="Write it like ghe.example.org, or ghe.example.org:8443.")
    return value


def tokens_of_hosts(name: str) -> dict[str, str]:
    """Return secrets by the host, or host and port, that each is for; what can't be used is refused unshown.

    They are written as `HOST=TOKEN`, with commas or blanks between, or a line each.
    """
    _note(name, "HOST=TOKEN, separated by commas or lines", "")
    given: dict[str, str] = {}
    for number, entry in enumerate(re.split(r"[\s,]+", text(name, default="").strip(" ,\n")), start=1):
        if not entry:
            continue
        named, _, secret = entry.partition("=")
        of_host = host_named(named)
        if not of_host or of_host in given or not secret or not _fits_header(secret):
            raise SettingsError(
                f"Entry {number} of {name} is no host with its token, or is the second of its host.",
                remedy="Write each as HOST=TOKEN, the token of ASCII alone, with commas or line ends between.",
            )
        given[of_host] = secret
    return given


def _fits_header(secret: str) -> bool:
    return all("!" <= character <= "~" for character in secret)


def withheld() -> frozenset[str]:
    """Return the names of settings that this process is not to have, whoever gives them: its file, or the home."""
    return frozenset(texts("WITHHELD", default=[]))


def texts(name: str, *, default: list[str]) -> list[str]:
    """Return a comma-separated list."""
    _note(name, "a list, separated by commas", ",".join(default))
    given = [item.strip() for item in text(name, default="").split(",") if item.strip()]
    return given or default


def addresses(name: str) -> list[str]:
    """Return addresses as `scheme://…`, separated by commas (which they may hold too); a bad one is refused unshown."""
    _note(name, "addresses, separated by commas", "")
    given = [
        item
        for item in re.split(r"(?<![\s,])[\s,]+(?=[A-Za-z][\w+.-]*://)", text(name, default="").strip(" ,"))
        if item
    ]
    for number, item in enumerate(given, start=1):
        if not re.match(r"[A-Za-z][\w+.-]*://\S", item):
            raise SettingsError(
                f"Address {number} of {name} has no scheme.",
                remedy="Write addresses like mailto://… or json://…, separated by commas.",
            )
    return given


def choice(name: str, choices: tuple[str, ...], *, default: str) -> str:
    """Return one of a few words, or the default, which may be none of them."""
    _note(name, f"one of {', '.join(choices)}", default)
    value = text(name, default=default)
    if value not in (*choices, default):
        raise SettingsError(f"{name} is {value!r}.", remedy=f"Use one of: {', '.join(choices)}.")
    return value


def number(name: str, *, default: int) -> int:
    """Return a positive whole number."""
    _note(name, "a positive whole number", str(default))
    value = text(name, default=str(default))
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise SettingsError(f"{name} is {value!r}.", remedy="Write a positive whole number.")
    return int(value)


def port(name: str, *, default: int) -> int:
    """Return a TCP port."""
    _note(name, "a port", str(default))
    value = number(name, default=default)
    if value > 65535:
        raise SettingsError(f"{name} is {value}.", remedy="Write a port from 1 to 65535.")
    return value


def flag(name: str, *, default: bool) -> bool:
    """Return true or false, written as 1/0, true/false, yes/no or on/off."""
    _note(name, "true or false", "true" if default else "false")
    value = text(name, default="true" if default else "false").lower()
    if value not in ("1", "0", "true", "false", "yes", "no", "on", "off"):
        raise SettingsError(f"{name} is {value!r}.", remedy="Write true or false.")
    return value in ("1", "true", "yes", "on")


def folder(name: str, *, default: Path) -> Path:
    """Return an absolute path; a relative one counts from the working directory."""
    _note(name, "a folder", str(default))
    return Path(text(name, default=str(default))).expanduser().absolute()


def home() -> Path:
    """Return the home: the folder of REPOMGR_HOME, which need not be there."""
    return folder("REPOMGR_HOME", default=DEFAULT_HOME)


def web_address(name: str, *, default: str) -> str:
    """Return an http(s) address without a slash at its end."""
    _note(name, "an http(s) address", default)
    return checked_web_address(name, text(name, default=default))


def checked_web_address(name: str, value: str) -> str:
    """Return an address as `web_address` does, of the setting that has this value; raise `SettingsError`."""
    remedy = "Write it like https://apt.example.org, without user name and password: it is shown to all."
    try:
        parts = urlsplit(value)
    except ValueError:
        raise SettingsError(f"{name} is no address.", remedy=remedy) from None
    sound = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if not sound or parts.query or parts.fragment or not is_plain_address(value):
        raise SettingsError(f"{name} is {redact(value)!r}.", remedy=remedy)
    return value.rstrip("/")


def issuer(name: str) -> str:
    """Return the address of an OpenID Connect issuer as it writes it, "" where none is set: https, or this machine."""
    _note(name, "an https address", "")
    value = text(name, default="")
    if value and not (checked_web_address(name, value) and is_https(value, or_here=True)):
        raise SettingsError(f"{name} is {value!r}.", remedy="Write an https address: whoever answers lets people in.")
    return value


def pairs(name: str) -> list[tuple[str, str]]:
    """Return pairs, written THEIRS=OURS with commas between; OURS is what stands after the last equals sign."""
    _note(name, "THEIRS=OURS, separated by commas", "")
    found = [entry.rpartition("=")[::2] for entry in texts(name, default=[])]
    if not all(theirs.strip() and ours.strip() for theirs, ours in found):
        raise SettingsError(f"{name} holds what is no pair.", remedy="Write THEIRS=OURS, with commas between.")
    return [(theirs.strip(), ours.strip()) for theirs, ours in found]


def server_of(store: StoreLocation, name: str) -> str:
    """Return where browsers reach the server of a store, an http(s) address without a path; "" where none is set."""
    _note(name, "an http(s) address", "")
    return checked_server_of(store, name, text(name, default=""))


def checked_server_of(store: StoreLocation, name: str, value: str) -> str:
    """Return an address as `server_of` does, of the setting that has this value; raise `SettingsError`."""
    if not value:
        return ""
    address = checked_web_address(name, value)
    if urlsplit(address).path:
        raise SettingsError(
            f"{name} is {address!r}, which has a path.",
            remedy="Write the server alone, like https://s3.eu-central-1.amazonaws.com: the bucket's name is added.",
        )
    if isinstance(store, FolderStore):
        raise SettingsError(
            f"{name} is set, and STAGING_URL is a folder, to which no browser can send.",
            remedy=f"Unset {name}, or give STAGING_URL a bucket.",
        )
    return address


def broker(name: str, *, default: str) -> str:
    """Return Celery's broker address."""
    _note(name, "an address", default)
    value = text(name, default=default)
    if urlsplit(value).scheme not in _BROKER_SCHEMES:
        raise SettingsError(
            f"{name} has the scheme {urlsplit(value).scheme!r}.", remedy="Write filesystem:// or redis://host:port/0."
        )
    return value


def cache(name: str, *, default: str) -> dict[str, Any]:
    """Return the backend and place of a Django cache from `file:///FOLDER` or `redis://HOST:PORT/NUMBER`."""
    _note(name, "an address", default)
    value = text(name, default=default)
    parts = urlsplit(value)
    if parts.scheme == "file" and parts.path.startswith("/") and not parts.netloc:
        return {
            "BACKEND": "packages_app.stores.shard_files.ShardFiles",
            "LOCATION": unquote(parts.path),
            "OPTIONS": {"MAX_ENTRIES": _MOST_CACHE_FILES},
        }
    if parts.scheme in ("redis", "rediss", "unix"):
        # Its backend passes options on to its connections, and bounds itself by its own settings.
        options = {"serializer": "packages_app.stores.sealed_values.SealedValues"}
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": value, "OPTIONS": options}
    raise SettingsError(
        f"{name} is no cache that can be used.", remedy="Write file:///FOLDER or redis://HOST:PORT/NUMBER."
    )


def database(name: str, *, default: str) -> dict[str, Any]:
    """Return Django's database settings of a `sqlite:///path` or `postgres://user:password@host/name` address.

    `?timeout=` of the first says how many seconds a process waits for one that writes.
    """
    _note(name, "an address", default)
    url = text(name, default=default)
    scheme = urlsplit(url).scheme
    if scheme not in _DATABASE_SCHEMES:
        raise SettingsError(
            f"{name} has the scheme {scheme!r}.", remedy="Write sqlite:///path or postgres://user:password@host/name."
        )
    config: dict[str, Any] = dict(environ.Env.db_url_config(url))
    if scheme == "sqlite":
        # Several processes write: wait for each other, take the write lock at once, let readers go on (WAL).
        seconds = config.get("OPTIONS", {}).get("timeout", _LOCKED_SECONDS)
        if not isinstance(seconds, int) or seconds <= 0:
            raise SettingsError(f"The timeout of {name} is {seconds!r}.", remedy="Write a positive whole number.")
        config["OPTIONS"] = {
            "timeout": seconds,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
    return config


def secret_key(name: str, *, keep_in: Path) -> str:
    """Return the secret of sessions and forms; where none is set, one is made once and kept in a private file.

    Where there is no home, or this process is not to have it, nothing is kept: the secret is this process's own, which
    no server has.
    """
    _note(name, "a secret", "")
    if name in withheld():
        return secrets.token_urlsafe(64)
    given = text(name, default="")
    if given:
        return given
    try:
        return keep_in.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _keep_new_secret(keep_in) if is_home(keep_in.parent) else secrets.token_urlsafe(64)


def _keep_new_secret(path: Path) -> str:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(64), encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key counts
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii")


def folder_of_package(package: str, folder: str) -> Path:
    """Return a folder of an installed package, which is not imported."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise SettingsError(f"{package} is not installed.", remedy="Install what requirements.lock names.")
    return Path(found.origin).parent / folder
