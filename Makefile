# celeriac: `make help` lists the commands. Each makes the environment it needs in .venv, once,
# and again when pyproject.toml changes; an environment that is already there is used.

PYTHON ?= python3
VENV ?= .venv
FOLDER ?=
# Tests wait for servers and leases as much as they compute: `auto` is two processes a core.
PYTEST_WORKERS ?= auto
PYTEST_ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --editable
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test check lint imports types format docs bench clean

help:
	@echo "make demo   index a folder of files with real workers (FOLDER=... to choose one)"
	@echo "make test   run every test (PYTEST_ARGS=... for pytest's own options, -n0 for one process)"
	@echo "make check  lint, imports, types and docs, each also a command of its own"
	@echo "make format let ruff lay the code out and mend what it can"
	@echo "make docs   build the documentation into build/docs"
	@echo "make bench  run the benchmarks"
	@echo "make clean  remove everything that make made"

demo: $(STAMP)-demo
	$(BIN)/python -m examples.index_folder $(if $(FOLDER),"$(FOLDER)")

# Tests start hundreds of programs: without bytecode each would compile the package anew.
test: $(STAMP)-dev $(STAMP)-batches
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest \
	  --numprocesses=$(PYTEST_WORKERS) --dist=worksteal $(PYTEST_ARGS)

check: lint imports types docs

lint: $(STAMP)-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

imports: $(STAMP)-dev
	$(BIN)/lint-imports

types: $(STAMP)-dev
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(STAMP)-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(STAMP)-dev
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs build/docs

bench: $(STAMP)-bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra, so that the demo does not wait for the developers' tools.
$(STAMP)-%: pyproject.toml | $(BIN)/pip celeriac
	@echo "installing celeriac[$*] into $(VENV) ..."
	@$(PIP) '.[$*]'
	@touch $@

# It asks for an older Celery than tests are run with, and needs none: celeriac is its Celery.
$(STAMP)-batches: $(STAMP)-dev
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps 'celery-batches>=0.11'
	@touch $@

# An unpacked sdist has no link; a git checkout has it committed.
celeriac:
	ln -s src celeriac

# pip is what venv writes last: where it is, the environment is whole.
$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "celeriac needs Python 3.11 or newer: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "celeriac needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) --version);" \
	    "name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments (no ensurepip)." \
	    "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
