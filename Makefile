# Each target does its own set-up: Python 3.10 or newer and make are all that a machine needs.
# The second call finds the environment made and is quick. `make help` lists the targets.

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
RECIPE := pyproject.toml setup.py constraints.txt
SOURCES := typings/farpool tests examples scripts $(wildcard benchmarks)

# The interpreter that the environment is made with: the first of these that is new enough. `make PYTHON=python3.12` chooses.
PYTHON ?= $(shell for one in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$one -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$one && break; done)
# Test processes, and more options for pytest: `make test WORKERS=2 PYTEST_OPTIONS="-k wordcount"`.
WORKERS ?= 4
PYTEST_OPTIONS ?=

.PHONY: help demo test check bench docs clean
.DEFAULT_GOAL := help

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target what; do \
		printf '  make %-8s %s\n' "$$target" "$$what"; done

demo: $(VENV)/.made-demo  ## Count the words of Python's standard library in tasks on this machine
	@$(BIN)/python examples/wordcount.py

test: $(VENV)/.made-test  ## Run the whole test suite (about twelve minutes on two cores)
	@scripts/install-rabbitmq
	@scripts/install-bubblewrap
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_OPTIONS)

check: $(VENV)/.made-check  ## Run formatter, linter, type checkers and the check of the layers
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python $(SOURCES)
	$(BIN)/lint-imports

bench: $(VENV)/.made-test  ## Measure: start, latency, throughput
	$(BIN)/python benchmarks/stack.py

docs: $(VENV)/.made-docs  ## Build the documentation into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## Remove the environment and what was built
	rm -rf $(VENV) build dist site

$(VENV)/.made-pip:
	@test -n "$(PYTHON)" || { echo "farpool needs Python 3.10 or newer; install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make environments: install its venv package (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade pip  # --group needs 25.1
	@touch $@

$(VENV)/.made-demo: $(VENV)/.made-pip $(RECIPE)
	@echo "installing farpool into $(VENV)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.made-test: $(VENV)/.made-demo
	@echo "installing what the tests need"
	@$(PIP) --group test --group ecosystem
	@touch $@

$(VENV)/.made-check: $(VENV)/.made-test
	@echo "installing what the checks need"
	@$(PIP) --group check
	@touch $@

$(VENV)/.made-docs: $(VENV)/.made-demo
	@echo "installing what the documentation needs"
	@$(PIP) --group docs
	@touch $@
