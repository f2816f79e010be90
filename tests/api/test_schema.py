"""The whole OpenAPI document by schemathesis, a program of others: whatever is sent, each answer is of its shape.

It makes requests of all kinds from the document, sound and unsound ones; none may end in a 5xx that is ours.
"""

import json
import subprocess

import pytest

from tests.api.conftest import OF_ALL
from tests.other_servers import program_of_others
from tests.records import make_record

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "negative_data_rejection", "unsupported_method", "ignored_auth",
)  # fmt: skip

REFUSALS = (400, 403, 404, 405, 409, 410, 412, 413, 415, 422, 428)
"""A body of more than 128 KiB is too large (413) before anything in it is wrong."""


@pytest.mark.outside
def test_no_request_of_the_document_or_beside_it_fails(live_server, embedded, caller, tmp_path):
    embedded.define_uploads("tool")
    embedded.table.put_new(make_record("tool", "1.0"))
    own = tmp_path / "schemathesis.toml"
    own.write_text(f"[checks.negative_data_rejection]\nexpected-statuses = {list(map(str, REFUSALS))}\n")
    document = caller("read").get("/openapi.json").said
    for operation in (each for path in document["paths"].values() for each in path.values()):
        # It would send one key with all: each request but the first would be refused for that alone.
        operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "Idempotency-Key"]
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    command = [
        program_of_others("schemathesis"), "--config-file", str(own), "run", str(tmp_path / "openapi.json"),
        "--url", live_server.url,
        "--max-examples=3", "--seed=1", "--generation-database=none", "--phases=coverage,fuzzing",
        f"--checks={','.join(CHECKS)}", "--header", f"Authorization: Bearer {caller(*OF_ALL).secret}",
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    told = "\n".join(line[:300] for line in (ended.stdout + ended.stderr).splitlines())
    assert ended.returncode == 0, told[-20_000:]
    assert "Tested:" in ended.stdout
