"""What Terraform says of an environment (dev, staging, prod): its bucket, table and address (docs/REQUIREMENTS.md R8).

The outputs are those of `deploy/terraform/outputs.tf`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from packages_app.core.child_environment import child_environment
from packages_app.core.errors import EnvironmentRefused
from packages_app.core.readable import why_unreadable

ENVIRONMENTS = ("dev", "staging", "prod")
_REQUIRED = ("s3_bucket_name", "dynamodb_table_name")
_TIMEOUT_SECONDS = 120
_ITS_OWN = (
    "HOME", "TF_*", "AWS_*", "ARM_*", "GOOGLE_*", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy",
    "no_proxy", "SSL_CERT_DIR", "SSL_CERT_FILE",
)  # fmt: skip
"""What of our environment is terraform's: its own settings, and what reaches the backend that has the state."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Environment:
    """An environment's outputs. `region` is "" when there is no such output; `repository_url` ends in no slash."""

    name: str
    bucket: str
    table: str
    repository_url: str
    region: str


def read_environment(folder: Path, name: str) -> Environment:
    """Read an environment from `terraform output -json`, or from NAME.tfstate where there is no terraform.

    With a file NAME.tfstate in the folder that state is read, else the workspace of that name. Raises
    `EnvironmentRefused` for a folder or state that is missing or broken, and for missing outputs, each named.
    """
    if not folder.is_dir():
        raise EnvironmentRefused(f"There is no folder {folder}.", remedy="Name Terraform's folder: --terraform-dir.")
    state = folder / f"{name}.tfstate"
    outputs = _of_terraform(folder, name, state)
    if outputs is None:
        outputs = _of_state_file(state)
    missing = [output for output in _REQUIRED if not _text(outputs, output)]
    if missing:
        raise EnvironmentRefused(
            f"The Terraform state of {name} has no output {' and no output '.join(missing)}.",
            remedy="Add it to outputs.tf as deploy/terraform has it, then run terraform apply.",
        )
    return Environment(
        name=name,
        bucket=_text(outputs, "s3_bucket_name"),
        table=_text(outputs, "dynamodb_table_name"),
        repository_url=_address(outputs),
        region=_text(outputs, "aws_region"),
    )


def _of_terraform(folder: Path, name: str, state: Path) -> Mapping[str, Any] | None:
    """Return the outputs as terraform tells them; None without terraform, or when it can't tell but the file may."""
    command = ["terraform", "output", "-json", "-no-color"]
    if state.is_file():
        command.append(f"-state={state.name}")
    workspace = {} if state.is_file() else {"TF_WORKSPACE": name}
    environment = child_environment(*_ITS_OWN, TF_IN_AUTOMATION="1", **workspace)
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired as error:
        raise EnvironmentRefused("terraform did not answer.", remedy="Check its backend, then try again.") from error
    outputs = _json(done.stdout[done.stdout.find("{") :]) if done.returncode == 0 else None
    if outputs:
        return outputs
    log.warning("terraform_failed", environment=name, code=done.returncode, error=done.stderr.strip()[-500:])
    if state.is_file():
        return None
    raise EnvironmentRefused(
        f"terraform has no outputs of {name} in {folder}: {done.stderr.strip()[-300:] or 'the state is empty'}.",
        remedy=f"Run terraform apply for {name}, or put its state beside the code as {state.name}.",
    )


def _of_state_file(state: Path) -> Mapping[str, Any]:
    if why := why_unreadable(state):
        raise EnvironmentRefused(
            f"The Terraform state {state} can't be read: {why}.",
            remedy="Run terraform apply, or name its folder: --terraform-dir.",
        )
    try:
        text = state.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentRefused(f"The state {state} can't be read: {error}.", remedy="Check the file.") from error
    document = _json(text)
    outputs = document.get("outputs") if document is not None else None
    if not isinstance(outputs, dict):
        what = "is not JSON" if document is None else "has no outputs"
        raise EnvironmentRefused(f"The state {state} {what}.", remedy="Fetch it again: terraform state pull.")
    return outputs


def _json(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _text(outputs: Mapping[str, Any], name: str) -> str:
    output = outputs.get(name)
    value = output.get("value") if isinstance(output, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _address(outputs: Mapping[str, Any]) -> str:
    """Return repo_url, else the website's or the bucket's own address (S3 user guide, "Website endpoints")."""
    given = _text(outputs, "repo_url")
    if given:
        if not given.startswith(("http://", "https://")):
            raise EnvironmentRefused(f"The output repo_url is {given!r}.", remedy="Make it a whole https:// address.")
        return given.rstrip("/")
    website = _text(outputs, "website_endpoint")
    if website:
        return f"http://{website.removeprefix('http://').rstrip('/')}"
    bucket, region = _text(outputs, "s3_bucket_name"), _text(outputs, "aws_region")
    return f"https://{bucket}.s3.{region}.amazonaws.com" if region else f"https://{bucket}.s3.amazonaws.com"
