"""`/metrics` of a real web process: for who shows the token alone, also where there is no database."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from packages_app.core.home import make_home
from packages_app.services.metrics.figure import FIGURES
from repomgr.limits import METRICS
from repomgr.servers.process import free_port, listens, process, wait_until
from repomgr.web import lane_of
from tests.stack import REPOSITORY

DEPLOY = Path(REPOSITORY) / "deploy"
TOKEN = "metrics-V3ryS3cret"
_NAME = re.compile(r"\b(?:repomgr|process)_[a-z_]+")
_MATCHED = re.compile(r"\b((?:repomgr|process)_[a-z_]+)\{([^}]*)\}")
_MATCHER = re.compile(r'([a-z]+)(=~?)"([^"]*)"')
_GROUPED = re.compile(r"(?:by|on) \(([a-z, ]*)\)")
_OF_PROMETHEUS = {"instance", "job", "le"}


@contextmanager
def served(home: Path, migrated, **settings) -> Iterator[int]:
    """Run a web process; gives its port."""
    port = free_port()
    make_home(home)
    shutil.copy(migrated, home)
    environment = {**os.environ, "REPOMGR_HOME": str(home), "PORT": str(port), **settings}
    with process(sys.executable, "-m", "repomgr.processes", "web", env=environment, cwd=REPOSITORY):
        wait_until(lambda: listens(port), "the web process", 120)
        yield port


def scraped(port, token=TOKEN, **headers):
    shown = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return httpx.get(f"http://127.0.0.1:{port}{METRICS}", headers={**shown, **headers}, timeout=60)


def values(text, parser=plain_text):
    """Give the values of a scrape by name and labels."""
    samples = [sample for family in parser(text) for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


@pytest.fixture(scope="module")
def web(tmp_path_factory, migrated):
    with served(tmp_path_factory.mktemp("metrics") / "home", migrated, METRICS_TOKEN=TOKEN) as port:
        yield port


def test_only_who_shows_the_token_is_answered(web, tmp_path, migrated):
    for wrong in (None, "x", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper()):
        refused = scraped(web, wrong)
        assert (refused.status_code, refused.headers["WWW-Authenticate"][:6]) == (401, "Bearer"), wrong
        assert "repomgr_" not in refused.text
    assert scraped(web, None, Authorization=f"Basic {TOKEN}").status_code == 401
    post = httpx.post(f"http://127.0.0.1:{web}{METRICS}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    assert post.status_code == 405
    # Prometheus knows a process by its address, and plain HTTP is led to HTTPS everywhere else.
    answer = scraped(web, Host="10.0.0.7")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert TOKEN not in answer.text
    with served(tmp_path / "home", migrated) as port:
        assert [scraped(port, token).status_code for token in (None, "None", TOKEN)] == [404] * 3


def test_prometheus_can_read_it_in_both_formats(web):
    text = scraped(web)
    assert text.headers["Content-Type"].startswith("text/plain")
    found = values(text.text)
    assert found["repomgr_up", ()] == 1
    assert set(FIGURES) <= {line.split()[2] for line in text.text.splitlines() if line.startswith("# TYPE")}
    newer = scraped(web, Accept="application/openmetrics-text; version=1.0.0")
    assert newer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert values(newer.text, open_metrics)["repomgr_up", ()] == 1


def test_answers_are_counted_by_view_and_never_by_what_a_client_writes(web):
    for path, method in (
        ("/admin/login/", "GET"), ("/repository/pool/none.deb", "GET"), ("/healthz", "GET"), ("/a", "GET"),
        ("/admin/login/?x=1", "GET"), ("/b", "BREW"), ("/repository/y", "GET"), ("/api/v1/packages/zzz", "GET"),
    ):  # fmt: skip
        httpx.request(method, f"http://127.0.0.1:{web}{path}", timeout=60)
    text = scraped(web).text
    name = "repomgr_http_request_duration_seconds_count"
    counted = {
        tuple(dict(labels).values()): value for (metric, labels), value in values(text).items() if metric == name
    }
    assert counted["GET", "2xx", "admin:login"] == 2
    assert counted["GET", "5xx", "packages_app.views.repository_object"] == 2  # there is no bucket
    assert counted["GET", "2xx", "healthz"] == 1
    assert {method for method, _, _ in counted} == {"GET", "other"}
    assert not re.search(r"zzz|none\.deb|BREW|x=1", text)


def test_a_scrape_waits_for_no_page():
    assert lane_of("GET", METRICS) == "metrics"
    assert lane_of("GET", "/metrics/x") != "metrics"


def test_without_a_database_it_says_so_at_once_and_when_it_hangs(tmp_path, migrated):
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        for name, port in (("away", free_port()), ("silent", silent.getsockname()[1])):
            address = f"postgres://u:database-V3ryS3cret@127.0.0.1:{port}/d"
            with served(tmp_path / name, migrated, METRICS_TOKEN=TOKEN, DATABASE_URL=address) as web:
                for _ in range(2):
                    answer = scraped(web)
                    assert answer.status_code == 200, name
                    found = values(answer.text)
                    assert found["repomgr_up", ()] == 0
                    assert {metric for metric, _ in found if metric in FIGURES} == {"repomgr_up"}
                    assert "database-V3ryS3cret" not in answer.text


def expressions():
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    board = json.loads((DEPLOY / "grafana/repomgr.json").read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


def test_every_alarm_and_every_panel_asks_for_what_is_there(web):
    httpx.get(f"http://127.0.0.1:{web}/admin/login/", timeout=60)
    text = scraped(web).text
    labels: dict[str, set[str]] = {name: set(figure.labels) for name, figure in FIGURES.items()}
    seen: dict[tuple[str, str], set[str]] = {}
    for metric, of in values(text):
        labels.setdefault(metric, set()).update(name for name, _ in of)
        for name, value in of:
            seen.setdefault((metric, name), set()).add(value)
    asked = list(expressions())
    assert len(asked) > 30
    for where, expression in asked:
        names = _NAME.findall(expression)
        assert names, where
        assert set(names) <= labels.keys(), where
        for name, matchers in _MATCHED.findall(expression):
            for label, how, value in _MATCHER.findall(matchers):
                assert label in labels[name] | _OF_PROMETHEUS, (where, label)
                if (name, label) in seen and "$" not in value and label not in ("status", "job"):
                    assert set(value.split("|") if how == "=~" else [value]) <= seen[name, label], where
        for group in _GROUPED.findall(expression):
            wanted = {label for label in group.replace(" ", "").split(",") if label}
            assert wanted <= set().union(*(labels[name] for name in names)) | _OF_PROMETHEUS, (where, wanted)


def test_the_documentation_names_every_figure_and_every_alarm():
    page = (Path(REPOSITORY) / "docs/METRICS.md").read_text(encoding="utf-8")
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text(encoding="utf-8"))
    alarms = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    assert {name for name in (*FIGURES, *alarms) if f"`{name}`" not in page} == set()


def test_a_process_that_serves_no_pages_does_not_import_it():
    asked = "import django, sys; django.setup(); import packages_app.tasks; print('prometheus_client' in sys.modules)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "repomgr.settings"}
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
