"""In CI: the steps of the GitHub Action and the script of the GitLab component, run as their runners do."""

import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from tests.client.front import REQUEST_TOKEN
from tests.debs import build_deb
from tests.stack import REPOSITORY

AUDIENCE = "https://apt.example.org"


def filled(text, known):
    """Put what an expression of GitHub's stands for in its place."""
    return re.sub(r"\$\{\{ (.+?) \}\}", lambda at: known[at[1]], text)


def run_action(front, work, **inputs):
    """Run the Action's steps as a runner does; gives the last exit code, its outputs, and all that was said."""
    action = yaml.safe_load((REPOSITORY / "ci/github/action.yml").read_text())
    given = {name: one.get("default", "") for name, one in action["inputs"].items()} | inputs
    known = {f"inputs.{name}": value for name, value in given.items()}
    known["github.action_path"] = str(REPOSITORY / "ci/github")
    said = ""
    for step in action["runs"]["steps"]:
        output = work / f"{step['id']}.output"
        output.touch()
        own = {name: filled(text, known) for name, text in step["env"].items()}
        environment = {
            "PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(output), "RUNNER_TEMP": str(work),
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{front.url}/issuer?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN, **own,
        }  # fmt: skip
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, env=environment, cwd=work, capture_output=True, text=True, check=False)
        said += done.stdout + done.stderr
        made = dict(line.split("=", 1) for line in output.read_text().splitlines())
        known |= {f"steps.{step['id']}.outputs.{name}": value for name, value in made.items()}
    outputs = {
        name: known[re.sub(r"\$\{\{ (.+?) \}\}", r"\1", one["value"])] for name, one in action["outputs"].items()
    }
    return done.returncode, outputs, said


def test_the_action_pushes_by_githubs_id_token(front, product, tmp_path):
    build_deb(tmp_path / "a build", "tool", "7.0")
    build_deb(tmp_path / "a build", "acme-lib", "7.0")
    files = "a build/*.deb\n"
    usual = {"server": front.url, "files": files, "python": sys.executable}
    code, outputs, said = run_action(front, tmp_path, **usual, audience=AUDIENCE)
    assert (code, outputs["standing"], len(outputs["release-sha256"])) == (0, "shown", 64), said
    secrets = (product.tokens["whole"], REQUEST_TOKEN)
    assert [secret for secret in secrets if secret in said] == []
    code, outputs, said = run_action(front, tmp_path, **usual)  # the server tells its own audience, which is another
    assert (code, outputs) == (2, {"standing": "oidc_audience", "release-sha256": ""}), said
    assert front.asked_for == [AUDIENCE, f"{product.running.url}/repository"]
    code, _, said = run_action(front, tmp_path, **{**usual, "files": "*.deb"}, audience=AUDIENCE)
    assert (code, "::error::" in said) == (2, True)
    harmless = f"$(touch {tmp_path}/run)`touch {tmp_path}/run`.deb"
    assert run_action(front, tmp_path, **{**usual, "files": harmless}, audience=AUDIENCE)[0] == 2
    assert not (tmp_path / "run").exists()


def run_component(front, work, id_token, **inputs):
    """Run the component's script as a runner does; gives the exit code, what was said, and the audience asked for."""
    text = (REPOSITORY / "ci/gitlab/templates/push.yml").read_text()
    spec, _ = yaml.safe_load_all(text)
    given = {name: (one or {}).get("default") for name, one in spec["spec"]["inputs"].items()} | inputs
    assert None not in given.values()
    filled = re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda at: given[at[1]], text.split("\n---\n")[1])
    [job] = yaml.safe_load(filled).values()
    (work / "bin").mkdir(exist_ok=True)
    program = work / "bin/repomgr"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m repomgr_client "$@"\n')
    program.chmod(0o755)
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY),
        **job["variables"], "REPOMGR_ID_TOKEN": id_token,
    }  # fmt: skip
    script = "\n".join(["set -eo pipefail", *job["script"]])
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=work, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr, job["id_tokens"]["REPOMGR_ID_TOKEN"]["aud"]


def test_the_component_pushes_by_gitlabs_id_token(front, product, tmp_path):
    deb = build_deb(tmp_path, "tool", "8.0")
    inputs = {"server": front.url, "audience": AUDIENCE, "image": "repomgr", "files": "*.deb"}
    front.given["header.of-gitlab.signature"] = AUDIENCE
    code, said, audience = run_component(front, tmp_path, "header.of-gitlab.signature", **inputs)
    assert (code, f"{deb.name}: new: " in said, audience) == (0, True, AUDIENCE), said
    assert "header.of-gitlab.signature" not in said
    assert product.tokens["whole"] not in said
    code, said, _ = run_component(front, tmp_path, "header.of-gitlab.signature", **inputs)  # each is taken once
    assert (code, said.startswith("oidc_audience: ")) == (2, True)


@pytest.mark.parametrize("several", [False, True])
def test_a_push_is_sent_again_and_done_once(front, product, tmp_path, several):
    debs = [build_deb(tmp_path, name, f"9.{several:d}") for name in ("tool", "acme-lib")[: 1 + several]]
    front.faults = ["before", 502, "after"]
    done = product.client("push", *debs, "--server", front.url)
    assert (done.code, {file["known"] for file in done.said["files"]}) == (0, {False}), done.out
    assert (len(front.keys), len(set(front.keys))) == (4, 1)
    assert front.keys[0]
    front.faults = [503, 429]
    done = product.client("push", *debs, "--server", front.url, "--tries", "2")
    assert (done.code, done.said["code"], len(front.keys)) == (75, "http_429", 6)
