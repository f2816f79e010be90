"""The images of the compose file: by digest where somebody wants it, and health checks that workers can answer."""

import os
import re
import subprocess

import pytest
import yaml
from django.conf import settings as live_settings

from repomgr.processes import commands
from tests.stack import REPOSITORY


@pytest.fixture
def compose():
    return yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())


def test_no_health_check_asks_what_workers_do_not_answer(compose):
    assert not live_settings.CELERY_WORKER_ENABLE_REMOTE_CONTROL
    checks = {name: str(service["healthcheck"]) for name, service in compose["services"].items() if name != "web"}
    assert [name for name, check in checks.items() if "celery" in check] == []
    for name, process in (("worker", "worker1"), ("publisher", "publisher"), ("beat", "beat")):
        [script] = re.findall(r"index\('([^']*)'\)", compose["services"][name]["healthcheck"]["test"][-1])
        assert any(script in argument for argument in commands("127.0.0.1", 8000, 1)[process]), name


def pin(tmp_path, answer):
    """Run the script that pins images, with a docker that answers so."""
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n{answer}\n')
    docker.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = ["sh", str(REPOSITORY / "deploy/pin-images.sh")]
    return subprocess.run(script, capture_output=True, text=True, env=environment, check=False)


def test_every_image_can_be_named_by_its_digest(compose, tmp_path):
    digest = f"sha256:{'a' * 64}"
    lines = dict(line.split("=") for line in pin(tmp_path, f"echo {digest}").stdout.splitlines())
    images = [service["image"] for service in compose["services"].values() if service["image"] != "repomgr"]
    images.append(compose["x-repomgr"]["build"]["args"]["BASE_IMAGE"])
    named = {re.fullmatch(r"\$\{(\w+):-(.+)\}", image).groups() for image in images}
    assert lines == {name: f"{image}@{digest}" for name, image in named}
    assert len(lines) == 5
    base = dict(named)["BASE_IMAGE"]
    assert f"ARG BASE_IMAGE={base}\nFROM ${{BASE_IMAGE}}\n" in (REPOSITORY / "Dockerfile").read_text()
    asked = (tmp_path / "asked").read_text()
    assert all(image in asked for _, image in named)


@pytest.mark.parametrize("answer", ["exit 1", "echo no such thing", "case $6 in *redis*) exit 1;; esac; echo sha256:1"])
def test_where_one_image_can_not_be_asked_for_none_is_pinned(tmp_path, answer):
    pinned = pin(tmp_path, answer)
    assert (pinned.returncode != 0, pinned.stdout) == (True, "")
