# `make` lists the targets. Everything is installed into .venv from requirements.lock.

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
READY := $(VENV)/.ready
UV := $(BIN)/uv
PYTHON ?=
ARGS ?=
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all lint types docs bench lock

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | expand -t 12

setup: $(READY) ## Make the environment .venv and install everything into it

demo: $(READY) ## Run the main job on real readings and show the result
	@$(BIN)/raymill demo $(ARGS)

test: $(READY) ## Run the tests on every engine, without the slow ones
	@$(MAKE) tests SELECT="--system"

test-all: $(READY) ## Run all tests
	@$(MAKE) tests SELECT="--system --slow"

# Side by side: what needs no cluster, in two processes, each file in one of them; and what shares a
# cluster, whose many processes come before these, and is shown when it has ended.
# Exit code 5: ARGS named nothing of that kind.
.PHONY: tests tests-alone tests-on-ray
tests:
	@$(MAKE) --keep-going --jobs 2 tests-alone tests-on-ray

tests-alone:
	@nice $(BIN)/pytest $(SELECT) --numprocesses 2 --dist loadfile $(ARGS) || [ $$? -eq 5 ]

tests-on-ray:
	@log=$$(mktemp); code=0; trap 'rm -f $$log' EXIT; \
	$(BIN)/pytest $(SELECT) --engines local,ray -m ray $(ARGS) >$$log 2>&1 || code=$$?; \
	cat $$log; [ $$code -eq 0 ] || [ $$code -eq 5 ]

lint: $(READY) ## Check style, types, imports between rooms, generated docs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PY) docs/generate.py --check

types: $(READY) ## Check types
	@$(BIN)/mypy

docs: $(READY) ## Write the generated pages and build the site into site/
	@$(PY) docs/generate.py
	@$(BIN)/zensical build --strict --clean

bench: $(READY) ## Measure speed and memory on this machine
	@$(BIN)/raymill bench $(ARGS)

lock: $(UV) ## Write requirements.lock anew, with the newest versions
	@$(UV) pip compile pyproject.toml --output-file requirements.lock --upgrade --quiet \
	  --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	  --extra ray --extra demo --extra serve --extra stats --extra redis --group dev --group docs --custom-compile-command "make lock"

$(READY): requirements.lock pyproject.toml | $(UV)
	@echo "Installing into $(VENV) (the first time takes a few minutes)"
	@$(UV) pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r requirements.lock \
	  || $(PY) -m pip install --quiet --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --compile-bytecode --python $(PY) --no-deps -e . \
	  || $(PY) -m pip install --quiet --no-deps -e .
	@touch $@

$(UV):
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14; do \
	  if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	    2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "error: no Python 3.11 to 3.14 found" >&2; \
	  echo "hint: install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	if $$found -m venv $(VENV) 2>/dev/null; then \
	  $(PY) -m pip install --quiet uv; \
	else \
	  $$found -m venv --clear --without-pip $(VENV) \
	    && $$found -m pip --python $(PY) install --quiet pip uv; \
	fi || { \
	  echo "error: $$found cannot make an environment in $(VENV)" >&2; \
	  echo "hint: install its modules venv and pip (on Debian: python3-venv)" >&2; exit 1; \
	}
