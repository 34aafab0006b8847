# Everything starts here; `make` alone lists what there is. Nothing is installed outside .venv, except by `make tools`
# and `make install-system`.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:

PORT ?= 5000
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
ROOMS := oci_spec storage_backends registry_client registry runner migrations
VENV := .venv/bin
PREFIX ?= /usr/local
DESTDIR ?=
SYSTEM := $(DESTDIR)$(PREFIX)/lib/moorage
REPORTS := build/reports
# The tests of a file share what they start, and so go to one process. Files are handed out in the order of their names:
# the rooms that start programs and take long come first, and many short ones remain to fill all processes to the end.
IN_PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
COMPILE := $(VENV)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header

# uv installs several times faster than pip, but nobody needs to have it.
UV := $(shell command -v uv 2>/dev/null)
# The interpreter that is named is that of the environment which is installed into.
define pip-install
$(if $(UV),$(UV) pip install --quiet --python $(1),\
	$(VENV)/python -m pip --python $(1) install --quiet --disable-pip-version-check)
endef
define install-locked
$(call pip-install,$(2)) $(if $(UV),--compile-bytecode) --require-hashes $(addprefix --requirement ,$(1))
endef

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: install  ## run the registry on 127.0.0.1, its data in ./data (PORT=5001: the port; AUTH=token: with accounts)
	@exec $(VENV)/registry serve --listen 127.0.0.1:$(PORT) --data data --set log.format=console --set log.access=combined \
		$(if $(AUTH),--set auth.mode=$(AUTH))

.PHONY: install
install: .venv/.installed  ## make .venv/bin/registry, .venv/bin/runner and .venv/bin/runner-oci
	@$(VENV)/python -m compileall -q $(ROOMS)
	@$(VENV)/python -m runner.gathering

# A copy, which does not change with this tree: what root executes should be root's. It is an environment of its own
# beneath lib, and launchers with its final path, so that DESTDIR may be another place meanwhile.
.PHONY: install-system
install-system: install  ## put the commands on everybody's path, as root (PREFIX=/usr/local: beneath which directory)
	@mkdir -p "$(SYSTEM)" "$(DESTDIR)$(PREFIX)/bin" 2>/dev/null && [ -w "$(DESTDIR)$(PREFIX)/bin" ] || { \
		echo "This user may not write to $(DESTDIR)$(PREFIX). With root's rights:" >&2; \
		echo "    sudo $(MAKE) -C $(CURDIR) install-system PREFIX=$(PREFIX)$(if $(DESTDIR), DESTDIR=$(DESTDIR))" >&2; exit 1; }
	@$(VENV)/python -m venv --clear --without-pip "$(SYSTEM)"
	@$(call install-locked,requirements.lock,"$(SYSTEM)/bin/python")
	@rm -rf build/wheel; said=$$($(VENV)/python -m hatchling build --target wheel --directory build/wheel 2>&1) || { \
		echo "$$said" >&2; exit 1; }
	@$(call pip-install,"$(SYSTEM)/bin/python") --no-deps build/wheel/*.whl
	@"$(SYSTEM)/bin/python" -m compileall -q -s "$(DESTDIR)" "$(SYSTEM)"/lib/python*/site-packages
	@file="$(DESTDIR)$(PREFIX)/bin/registry"; \
		printf '#!%s -I\nimport sys\nfrom registry.cli.main import main\nsys.exit(main())\n' \
			"$(PREFIX)/lib/moorage/bin/python" >"$$file"; chmod 755 "$$file"
	@cd / && folder=$$(echo "$(SYSTEM)"/lib/python*/site-packages) && \
		"$(SYSTEM)/bin/python" -m runner.installation "$(DESTDIR)$(PREFIX)/bin" \
			"$${folder#"$(DESTDIR)"}" "$(PREFIX)/lib/moorage/bin/python" && \
		"$(SYSTEM)/bin/python" -m runner.gathering "$${folder#"$(DESTDIR)"}"
	@echo "registry, runner and runner-oci are in $(PREFIX)/bin."

.PHONY: demo
demo: install  ## push and pull an image with a client of this machine, and as root run containers, step by step
	@$(VENV)/python tests/tools/demo.py
	@$(VENV)/python tests/tools/demo_runner.py

# Whatever the shell says: several processes load all tests, and each server that they start loads the registry.
test test-fast: export PYTHONDONTWRITEBYTECODE :=

# The tests are compiled once, beside the linters, which leave a core idle: each process of pytest would do it by itself.
# Of those that run alone only the files are collected: all others would take longer than some of them.
.PHONY: test
test: .venv/.developing  ## install what tests need, lint, and run every test
	@if [ "$$(id -u)" = 0 ] && command -v dpkg-query >/dev/null; then \
		tests/tools/install || echo "Some programs could not be had; their tests are skipped by name." >&2; fi
	@$(VENV)/pytest --collect-only -qq >/dev/null 2>&1 & compiling=$$!; \
		$(MAKE) lint || { kill $$compiling 2>/dev/null; exit 1; }; wait $$compiling || true
	@mkdir -p $(REPORTS); status=0; \
	$(VENV)/pytest $(IN_PARALLEL) -m "not heavy" --junitxml=$(REPORTS)/tests.xml || status=1; \
	$(VENV)/pytest -m heavy --junitxml=$(REPORTS)/heavy.xml \
		$$(grep --recursive --files-with-matches --include="test_*.py" "pytest\.mark\.heavy" tests) || status=1; \
	exit $$status

.PHONY: test-fast
test-fast: .venv/.developing  ## run the tests that need nothing but Python
	@$(VENV)/pytest $(IN_PARALLEL) -m "not heavy and not e2e and not root and not tool"

# That server ignores checksums, so nothing is to be seen of them there.
.PHONY: test-rgw
test-rgw: .venv/.developing  ## run the storage tests on Ceph's S3 server, too (as root, Debian: installs it)
	@if [ "$$(id -u)" = 0 ] && command -v dpkg-query >/dev/null; then tests/tools/install rgw; fi
	@S3_SERVERS=rgw $(VENV)/pytest tests/storage_backends/on_rgw.py tests/storage_backends/test_s3_*.py \
		-k "rgw and not test_the_server_checks_contents"

.PHONY: bench
bench: install  ## measure beside distribution (QUICK=1: three minutes; PEERS=name=http://127.0.0.1:PORT,…; ONLY=text)
	@QUICK="$(QUICK)" PEERS="$(PEERS)" ONLY="$(ONLY)" COPY="$(COPY)" $(VENV)/python -m benchmarks.main

.PHONY: bench-s3
bench-s3: install  ## measure beside distribution, both with their bytes in the same S3 server (QUICK=1; ONLY=text)
	@QUICK="$(QUICK)" ONLY="$(ONLY)" $(VENV)/python -m benchmarks.s3.main

.PHONY: bench-s3-docs
bench-s3-docs: install  ## put the figures of the last whole `make bench-s3` into docs/performance.md
	@$(VENV)/python -m benchmarks.publish s3

.PHONY: bench-docs
bench-docs: install  ## put the figures of the last whole `make bench` into docs/performance.md
	@$(VENV)/python -m benchmarks.publish

.PHONY: bench-runner
bench-runner: install  ## measure the runner beside docker, podman and runc, as root (QUICK=1: less than a minute)
	@QUICK="$(QUICK)" $(VENV)/python -m benchmarks.engines.main

.PHONY: bench-runner-docs
bench-runner-docs: install  ## put the figures of the last whole `make bench-runner` into docs/runner-performance.md
	@$(VENV)/python -m benchmarks.publish runner

.PHONY: tools
tools:  ## install the clients and daemons of the end-to-end tests (apt as root; Go programs into a cache)
	@tests/tools/install

.PHONY: lint
lint: .venv/.developing  ## check style, types and the directions of imports
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy --num-workers auto
	$(VENV)/lint-imports

.PHONY: lock
lock: .venv/.developing  ## write the lock files anew from pyproject.toml
	$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	$(COMPILE) --upgrade pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) --upgrade --group build --constraint requirements-dev.lock --output-file requirements-build.lock

.venv/.created:
	@$(if $(PYTHON),,echo "Moorage needs Python 3.11 or newer, and there is none on PATH (Debian: apt-get install python3 python3-venv)." >&2; exit 1)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: its venv module is missing." >&2; \
		echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version) …" >&2
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: .venv/.created pyproject.toml requirements.lock requirements-build.lock runner/installation.py
	@echo "Installing the locked packages …" >&2
	@$(call install-locked,requirements.lock requirements-build.lock,$(VENV)/python)
	@$(call pip-install,$(VENV)/python) --no-deps --no-build-isolation --editable .
	@$(VENV)/python -m runner.installation $(CURDIR)/$(VENV)
	@touch $@

.venv/.developing: .venv/.installed requirements-dev.lock
	@echo "Installing the locked packages of development …" >&2
	@$(call install-locked,requirements-dev.lock,$(VENV)/python)
	@touch $@
