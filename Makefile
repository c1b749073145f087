# The project's commands. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.SUFFIXES:

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The first interpreter here that is new enough; PYTHON=... names another one.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install -qq -c constraints.txt

.PHONY: help
help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

.PHONY: setup
setup: $(STAMP) ## Make .venv and install everything into it, pinned (does nothing when it's up to date)
	@:

$(STAMP): pyproject.toml constraints.txt
	@[[ -n "$(PYTHON)" ]] || { echo "no Python 3.11 or later found: install one, or name it: make setup PYTHON=/path/to/python3" >&2; exit 2; }
	@command -v g++ >/dev/null || { echo "g++ not found: fastText is built from source; on Debian or Ubuntu: apt-get install g++" >&2; exit 2; }
	@echo "setting up $(VENV): some three minutes the first time"
	@[[ -x $(BIN)/python ]] || "$(PYTHON)" -m venv $(VENV)
	@$(PIP) pip setuptools
	@# torch goes first: a range asked for by another package would bring its newest build.
	@$(PIP) "$$(grep '^torch==' constraints.txt)"
	@$(PIP) -e '.[all,dev]'
	@# Kernels compile in their first run on a machine, which would be most of a demo's time.
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	    { $(BIN)/penstock sample "$$folder/crawl" && \
	    $(BIN)/penstock run quickstart --engine serial --input "$$folder/crawl/*.warc.gz" --output "$$folder/out" && \
	    $(BIN)/python examples/read_batches.py "$$folder/out"; } >"$$folder/log" 2>&1 || { cat "$$folder/log" >&2; exit 1; }
	@touch $@

.PHONY: check
check: setup ## Lint, formatting, types (mypy strict) and the layers (import-linter)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: test
test: setup ## All tests; ARGS='-k words' narrows them down
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: demo
demo: setup ## A sample crawl to training batches, in under a minute, into demo/
	@rm -rf demo
	@$(BIN)/penstock sample demo/crawl
	@$(BIN)/penstock run quickstart --input 'demo/crawl/*.warc.gz' --output demo/out
	@$(BIN)/python examples/read_batches.py demo/out

.PHONY: bench
bench: setup ## Speed and memory beside the peers (tens of minutes); ARGS='--quick' for a first look
	@$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: golden
golden: setup ## Remake the golden files of the tests; look at the diff before you commit it
	@$(BIN)/python -m tests.golden.remake
	@git --no-pager diff --stat -- tests/golden

.PHONY: clean
clean: ## Remove the demo, caches and build products (keeps .venv)
	@rm -rf demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
