"""The token that is shown: of the environment, a file, the issuer of the CI that this runs in, or a keyring."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from repomgr_client.faults import Exit, Fault

_PRINTABLE = re.compile(r"[!-~]{1,20000}\Z", re.ASCII)
_SECONDS = 30


def token_for(server: str, environment: Mapping[str, str], audience: str = "") -> str:
    """Return the token for a server.

    The first that there is counts: REPOMGR_TOKEN, the file REPOMGR_TOKEN_FILE, REPOMGR_ID_TOKEN (a token of the CI's
    issuer, as GitLab gives it), GitHub Actions' own issuer, and the keyring's entry of service `repomgr` whose name is
    the server's address. A token of an issuer is exchanged for one of the server's. Raise `Fault`.
    """
    if said := environment.get("REPOMGR_TOKEN", ""):
        return _whole(said, "REPOMGR_TOKEN")
    if file := environment.get("REPOMGR_TOKEN_FILE", ""):
        return _of_file(Path(file))
    if said := environment.get("REPOMGR_ID_TOKEN", ""):
        return _exchanged(server, _whole(said, "REPOMGR_ID_TOKEN"))
    if environment.get("ACTIONS_ID_TOKEN_REQUEST_URL") and environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        return _exchanged(server, _of_github(environment, audience or _audience(server)))
    if said := _of_keyring(server):
        return _whole(said, "The keyring's entry")
    raise Fault(
        "no_token", "There is no token to show.",
        "Set REPOMGR_TOKEN or REPOMGR_TOKEN_FILE; GitHub Actions needs `permissions: id-token: write`, GitLab an "
        "id_token named REPOMGR_ID_TOKEN.",
    )  # fmt: skip


def _whole(said: str, where: str) -> str:
    """Return it without space around it. Of what can't stand in a header the library's own error would have it all."""
    token = said.strip()
    if _PRINTABLE.match(token) is None:
        raise Fault("bad_token", f"{where} is no token: it is empty, or not of letters and digits.", "Set it anew.")
    return token


def _of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            said = file.read(20_001).decode("ascii", "replace")
    except OSError as error:
        raise Fault("bad_token", f"REPOMGR_TOKEN_FILE can't be read: {error.strerror}.", "Name a file.") from None
    return _whole(said, "REPOMGR_TOKEN_FILE")


def _of_keyring(server: str) -> str:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return ""
    try:
        return keyring.get_password("repomgr", server) or ""
    except Exception as error:  # its back ends raise what they like; none is there in a CI
        raise Fault(
            "no_keyring", f"The keyring can't be read: {type(error).__name__}.", "Set REPOMGR_TOKEN instead."
        ) from None


def _of_github(environment: Mapping[str, str], audience: str) -> str:
    """Return a token of GitHub Actions' issuer (docs.github.com, "OpenID Connect reference": requesting the JWT)."""
    shown = _whole(environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"], "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    said = _said("GET", environment["ACTIONS_ID_TOKEN_REQUEST_URL"], "GitHub's issuer",
                 headers={"Authorization": f"Bearer {shown}"}, audience=audience)  # fmt: skip
    return _whole(str(said.get("value") or ""), "What GitHub's issuer gave")


def _audience(server: str) -> str:
    """Return for whom the server wants the issuer's token to be."""
    said = _said("GET", f"{server}/api/v1/oidc/audience", "The server")
    return str(said.get("audience") or server)


def _exchanged(server: str, id_token: str) -> str:
    said = _said("POST", f"{server}/api/v1/oidc/token", "The server", json={"token": id_token})
    return _whole(str(said.get("token") or ""), "What the server gave")


def _said(method: str, url: str, who: str, *, audience: str = "", **sent: Any) -> dict[str, Any]:
    """Return what is answered in JSON; no error of the library goes on from here, since a request has secrets."""
    try:
        address = httpx.URL(url)
        if audience:
            address = address.copy_merge_params({"audience": audience})
        answer = httpx.request(method, address, timeout=_SECONDS, **sent)
    except httpx.InvalidURL:
        raise Fault("no_token", f"{who} has an address that is none.", "Look at the CI's variables.") from None
    except httpx.HTTPError as error:
        raise Fault(
            "server_away", f"{who} can't be reached: {type(error).__name__}.", "Try again later.", Exit.TRY_AGAIN
        ) from None
    said = problem_of(answer)
    if answer.status_code == httpx.codes.OK:
        return said
    passing = answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error
    raise Fault(
        str(said.get("code") or "no_token"),
        str(said.get("detail") or f"{who} gave no token (HTTP {answer.status_code})."),
        str(said.get("remedy") or "Look at what the CI's job may ask for, and who is trusted for the package."),
        Exit.TRY_AGAIN if passing else Exit.REFUSED,
    )


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the object of JSON that was answered, an empty one for anything else."""
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
