# repomgr: `make help` lists the targets.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
CONTRACTS := $(VENV)/contracts
SERVERS := $(VENV)/servers
# More than two cores: tests wait for servers and programs of their own a good part of the time.
JOBS ?= 4
PYTEST ?=
SECONDS ?= 300
EVERY ?= 1
MINUTES ?= 10
WITHIN ?= 10
COLUMN ?= embedded
FACTOR ?= 10
COVER ?=
COVERED = $(if $(COVER),--cov --cov-report=term:skip-covered --cov-fail-under=90)
# Tests write and sync many small files: memory serves, where there is plenty and programs may run in it.
TEST_TMP = $(shell if [ -w /dev/shm ] && ! findmnt -no OPTIONS /dev/shm | grep -q noexec && \
	[ "$$(df -Pk /dev/shm | awk 'NR == 2 { print $$4 }')" -gt 8000000 ]; then echo /dev/shm; else echo $${TMPDIR:-/tmp}; fi)
SINGLE_PARTS := $(addprefix tests/,core debian indexes package_table signing sources stores verification test_layers.py)
CLIENT_TESTS := tests/apt tests/browser/test_own_repository.py tests/browser/test_keys.py
DEBIAN_PYTHON := /usr/bin/python3
DEBIAN_PARTS := $(addprefix tests/,core debian indexes sources)
MINOR := import sys; print(sys.version_info[:2])
SYSTEM_PACKAGES := apt-utils gnupg redis-server postgresql chromium lintian dpkg-dev python3-apt reprepro aptly ed patch strace dose-distcheck sqv opensc softhsm2 curl

.DEFAULT_GOAL := help
.PHONY: help up up-distributed test coverage test-every test-fast test-debian-python test-postgresql test-apt-versions differential chaos soak bench lint audit format docs release lock system-packages clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# NAME counts where it is said to make alone: shells and WSL have one of their own in the environment.
up: $(VENV)/.runtime  ## start everything in the foreground (NAME="Acme" for a repository of your own; PORT, REPOMGR_HOME, repomgr.env in it)
	$(if $(filter command,$(word 1,$(origin NAME))),@$(BIN)/python manage.py init --once --name "$$NAME")
	@echo "Preparing the home"
	@$(BIN)/python manage.py first_start
	@exec $(BIN)/python -m repomgr.processes

up-distributed: $(VENV)/.dev system-packages  ## the same on PostgreSQL, Redis, S3 and DynamoDB: those of the settings, or started here
	@exec $(BIN)/python -m repomgr.distributed

test: $(VENV)/.dev $(SERVERS)/.installed system-packages  ## run all tests
	COVER=$(COVER) TMPDIR=$(TEST_TMP) $(BIN)/python -m pytest -n $(JOBS) $(COVERED) $(PYTEST)

coverage: COVER = some
coverage: test  ## run all tests, and measure what of packages_app those reach that reach most (COVER=all: what each does)

# What asks tests/every.py how much of it is wanted.
test-every: $(VENV)/.dev $(SERVERS)/.installed system-packages  ## run whole what test tries some of: each call, query and write that fails, each way, all examples
	EVERY=1 TMPDIR=$(TEST_TMP) $(BIN)/python -m pytest -n $(JOBS) $$(grep -rl '^from tests.every import' tests --include='test_*.py') $(PYTEST)

test-fast: $(VENV)/.dev  ## run the tests of single parts, which need no server, browser or apt
	TMPDIR=$(TEST_TMP) $(BIN)/python -m pytest -n $(JOBS) -m 'not outside' $(SINGLE_PARTS) $(PYTEST)

# With the packages of the environment, which fit any Python of its minor version.
test-debian-python: $(VENV)/.dev system-packages  ## run the tests of core, debian, indexes and sources on Debian's own /usr/bin/python3
	@[ "$$($(BIN)/python -c '$(MINOR)')" = "$$($(DEBIAN_PYTHON) -c '$(MINOR)')" ] || \
		{ echo "$(VENV) has another Python: make clean, then make test-debian-python PYTHON=$(DEBIAN_PYTHON)"; exit 1; }
	PYTHONPATH=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'):. TMPDIR=$(TEST_TMP) \
	$(DEBIAN_PYTHON) -m pytest -p no:cacheprovider -n $(JOBS) $(DEBIAN_PARTS) $(PYTEST)

# Those of their tests that touch Django's database and need no other server. EVERY=: some of what test-every tries.
test-postgresql: $(VENV)/.dev system-packages  ## run the tests of services, admin, publishing and faults with Django's database on PostgreSQL (EVERY=: as CI does)
	EVERY=$(EVERY) TMPDIR=$(TEST_TMP) $(BIN)/python -m tests.postgresql -n $(JOBS) $(addprefix tests/,faults services admin publishing) $(PYTEST)

test-apt-versions: SYSTEM_PACKAGES += debootstrap
test-apt-versions: $(VENV)/.dev system-packages  ## as root on Debian, run the client tests with its own apt, then with trixie's apt 3
	APT_ROOT= $(BIN)/python -m pytest -n $(JOBS) $(CLIENT_TESTS) $(PYTEST)
	APT_ROOT=$$($(BIN)/python -m tests.apt.trixie) && export APT_ROOT && \
	$(BIN)/python -m pytest -n $(JOBS) $(CLIENT_TESTS) $(PYTEST)

differential: $(VENV)/.dev system-packages  ## as root on Debian, what intake takes beside apt and dpkg, ten times as much as in test (FACTOR=10, SEED=n)
	DIFFERENTIAL=$(FACTOR) $(if $(SEED),SEED=$(SEED)) TMPDIR=$(TEST_TMP) $(BIN)/python -m pytest -p no:cacheprovider -s tests/debian/test_differential.py $(PYTEST)

chaos: $(VENV)/.dev system-packages  ## workers killed, stores failing, readers watching (SECONDS=300, SEED=n)
	$(BIN)/python -m tests.faults.chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

soak: $(VENV)/.dev system-packages  ## as root, a product under slow vendors and clients, uploads, renewals, a full disk (MINUTES=10, COLUMN=distributed, WITHIN=10)
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) --within $(WITHIN) --column $(COLUMN)

bench: $(VENV)/.dev system-packages  ## measure, beside aptly, reprepro, apt-ftparchive (FIGURES=publish_one,…; REPORT=1: docs/PERFORMANCE.md)
	$(BIN)/python -m tests.benchmarks $(if $(FIGURES),--figures '$(FIGURES)') $(if $(REPORT),--report)

lint: $(VENV)/.dev $(CONTRACTS)/.installed  ## ruff, mypy --strict, import contracts, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(CONTRACTS)/bin/lint-imports
	@REPOMGR_HOME=$$(mktemp -d) && export REPOMGR_HOME && \
	$(BIN)/python manage.py makemigrations --check --dry-run; code=$$?; rm -rf "$$REPOMGR_HOME"; exit $$code

audit:  ## look the locked packages up in PyPI's list of vulnerabilities (needs pip-audit and the network)
	@command -v pip-audit >/dev/null || { echo "pip-audit is not installed: pipx install pip-audit"; exit 1; }
	pip-audit --strict --disable-pip --require-hashes -r requirements-saml.lock

format: $(VENV)/.dev  ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:  ## resolve what pyproject.toml asks for (needs uv; UPGRADE=--upgrade for newer versions)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --no-strip-extras $(UPGRADE) pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --no-strip-extras -c requirements.lock --extra saml --extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --no-strip-extras -c requirements-dev.lock --extra saml pyproject.toml -o requirements-saml.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --no-strip-extras -c requirements-dev.lock --extra docs pyproject.toml -o requirements-docs.lock
	sed -n '/^contracts = \[/,/^\]/s/^ *"\(.*\)",$$/\1/p' pyproject.toml | \
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --no-strip-extras -c requirements-dev.lock - -o requirements-contracts.lock
	sed -n '/^servers = \[/,/^\]/s/^ *"\(.*\)",$$/\1/p' pyproject.toml | \
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --no-strip-extras $(UPGRADE) - -o requirements-servers.lock

system-packages:  ## as root on Debian, install the servers and tools that the tests use
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		missing=$$(dpkg-query -W -f '$${db:Status-Abbrev}$${Package}\n' $(SYSTEM_PACKAGES) 2>/dev/null | \
			sed -n 's/^ii //p' | sort > /tmp/.have.$$$$; printf '%s\n' $(SYSTEM_PACKAGES) | sort | \
			comm -13 /tmp/.have.$$$$ -; rm -f /tmp/.have.$$$$); \
		if [ -n "$$missing" ] || ! ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1; then \
			apt-get update -q && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -q --no-install-recommends $$missing; \
		fi; \
	fi

release: $(VENV)/.dev  ## see that this commit is a release, then build sdist and wheel below dist/, and the image where there is docker
	@$(BIN)/python -m repomgr.release

docs: $(VENV)/.docs  ## build the documentation as a site below build/docs, refusing dead links
	@REPOMGR_HOME=$$(mktemp -d) && export REPOMGR_HOME && \
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict; code=$$?; rm -rf "$$REPOMGR_HOME"; exit $$code

clean:  ## remove the environment and caches; data stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage*

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "repomgr needs Python 3.11 or newer."; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian: apt install python3-venv"; exit 1; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Fetching the $$(grep -c '^[a-z]' requirements.lock) locked dependencies into $(VENV), once: this can take minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@echo "Installing repomgr there"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Beside what is there: both locks name the same versions of what they share.
$(VENV)/.docs: requirements-docs.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# An environment of its own: it brings in `rich`, which structlog imports wherever it is there, and then a quarter of
# the start of each of our processes is spent on it. No installation has it.
$(CONTRACTS)/.installed: requirements-contracts.lock | $(VENV)/bin/python
	$(BIN)/python -m venv $(CONTRACTS)
	$(CONTRACTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-contracts.lock
	@touch $@

# Servers of others that play S3 and DynamoDB, each with its own Python or Node.js packages: some clash with ours.
$(SERVERS)/.installed: requirements-servers.lock tests/node/package.json tests/node/package-lock.json | $(VENV)/bin/python
	$(BIN)/python -m venv $(SERVERS)
	$(SERVERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-servers.lock
	cp tests/node/package.json tests/node/package-lock.json $(SERVERS)
	$(SERVERS)/bin/npm ci --prefix $(SERVERS) --ignore-scripts --no-audit --no-fund --silent
	@touch $@
