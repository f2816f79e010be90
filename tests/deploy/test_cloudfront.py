"""The function for CloudFront, run by Node: it gives the addresses of snapshots as the web process does."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from packages_app.core.ports import Silent
from packages_app.core.snapshot import time_id
from packages_app.indexes.release import parse_release
from packages_app.publishing.snapshot_times import served_key
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.snapshots.snapshots import create_snapshot
from tests.debs import build_deb
from tests.stack import REPOSITORY

FUNCTION = REPOSITORY / "deploy/cloudfront-snapshots.js"
_RUN = """
const vm = require('node:vm'), fs = require('node:fs');
const code = fs.readFileSync(process.argv[1], 'utf8').replace("PREFIX = ''", `PREFIX = '${process.argv[2]}'`);
const context = vm.createContext({});
vm.runInContext(code, context);
const answered = JSON.parse(process.argv[3]).map(uri => context.handler({request: {method: 'GET', uri}}).uri);
process.stdout.write(JSON.stringify(answered));
"""


def rewritten(*paths, prefix=""):
    """Give what the function makes of the paths of requests."""
    node = shutil.which("node") or str(Path(sys.prefix) / "servers/bin/node")
    if not Path(node).exists():
        pytest.skip("Node is not installed")
    command = [node, "-e", _RUN, str(FUNCTION), prefix, json.dumps(paths)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


def test_it_leads_to_the_objects_that_the_web_process_gives(embedded, tmp_path):
    embedded.configure(snapshots_address="https://apt.example.org/snapshots/@SNAPSHOTID@/")
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0+b~1")
    stage_upload(deb, deb.name)
    embedded.run_jobs()
    create_snapshot("stable", "q4", Silent())
    release = parse_release(embedded.bucket.read("dists/stable/Release"))
    by_hash = f"main/binary-amd64/by-hash/SHA256/{release.entries['main/binary-amd64/Packages.xz'].sha256}"
    asked = [
        f"snapshots/{snapshot}/{rest}"
        for snapshot in ("q4", time_id(release.date))
        for rest in ("dists/stable/InRelease", f"dists/stable/{by_hash}", "pool/main/t/tool/tool_1.0+b~1_amd64.deb")
    ]
    answered = [path.removeprefix("/") for path in rewritten(*(f"/{key}" for key in asked))]
    assert answered == [served_key(embedded.bucket, key) for key in asked]
    assert [key for key in answered if embedded.bucket.head(key) is None] == []
    others = ["/dists/stable/InRelease", "/", "/snapshots/q4/", "/snapshots/20261128T101500Z/dists/stable/Release"]
    assert rewritten(*others) == others


def test_it_looks_below_the_path_of_the_public_address_alone():
    paths = ("/apt/snapshots/q4/pool/a.deb", "/snapshots/q4/pool/a.deb", "/aptitude/snapshots/q4/pool/a.deb")
    assert rewritten(*paths, prefix="/apt") == ["/apt/pool/a.deb", *paths[1:]]
