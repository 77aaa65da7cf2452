# Everything a person needs is `make run` and `make test`; `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.DEFAULT_GOAL := help
.PHONY: help run test test-sdk soak check-code bench bench-filter lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: install Python 3.11 or newer, or say 'make PYTHON=/path/to/python3 ...'."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Say 'make PYTHON=python3.11 ...'."; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "The venv module is missing: on Debian, 'apt-get install python3-venv'."; exit 1; }

$(RUN_STAMP): requirements/run.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the relay needs (locked, with hashes) ..."
	@$(PIP) --require-hashes -r requirements/build.txt
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUN_STAMP)
	@echo "Installing what the tests need (locked, with hashes) ..."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

run: $(RUN_STAMP)  ## relay + embedded upstream + demo page, no account needed
	@$(BIN)/python -m app demo

test: $(DEV_STAMP)  ## check the code and run every test
	@sh tests/run.sh

soak: $(DEV_STAMP)  ## what takes minutes: thousands of sessions, components killed and frozen
	@$(BIN)/pytest -q -m soak -p no:xdist tests

test-sdk: $(DEV_STAMP)  ## real clients, unmodified, through the relay: installs them, takes minutes
	@$(BIN)/python -m tests.sdk.environments
	@TESTS_SDK=1 $(BIN)/pytest -q -n $${SDK_WORKERS:-5} --dist worksteal tests/sdk
	@$(BIN)/python -m tests.sdk.matrix --check

check-code: $(DEV_STAMP)  ## formatting, lint, types, imports
	@$(BIN)/ruff format --check app tests bench
	@$(BIN)/ruff check app tests bench
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(DEV_STAMP)  ## cost beside HAProxy, nginx and the usual FastAPI code, as ratios
	@sh bench/install.sh
	@$(BIN)/python -m bench

bench-filter: $(DEV_STAMP)  ## how many events a second the filter alone handles on one core
	@$(BIN)/python bench/filter.py

lock: $(DEV_STAMP)  ## renew the locks in requirements/
	@$(PIP) uv
	@$(BIN)/uv pip compile --upgrade --generate-hashes --universal --python-version 3.11 --no-header -q pyproject.toml -o requirements/run.txt
	@$(BIN)/uv pip compile --upgrade --generate-hashes --universal --python-version 3.11 --no-header -q --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile --upgrade --generate-hashes --universal --python-version 3.11 --no-header -q requirements/build.in -o requirements/build.txt

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache artifacts
