# `make help` says what there is. VENV=DIR uses an environment as it is; PYTHON=… makes .venv with another one.

PYTHON ?= python3
ARGS ?=

# Our own .venv is made and kept up to date; an environment that is given is never touched.
ifeq ($(origin VENV),undefined)
VENV := .venv
READY := .venv/.installed
else
READY := given
endif

IN_VENV := "$(VENV)/bin/python" -m

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install given run test check lint types format bench clean

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1 · /p' Makefile
	@echo '  VENV=DIR uses a given environment, PYTHON=python3.12 another interpreter, ARGS="-k lstm" goes to pytest'

install: $(READY) ## make .venv and install the toolkit with its development tools

# The stamp is written last: an interrupted install is taken up again, where pip left off.
.venv/.installed: pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	"$(PYTHON)" -m venv .venv
	$(IN_VENV) pip install --editable '.[dev]'
	@touch $@

given:
	@test -x "$(VENV)/bin/python" || { echo 'VENV=$(VENV) holds no bin/python: make it with python3 -m venv' >&2; exit 2; }

run: $(READY) ## take lenet5 from its definition to a proven, measured, exported model
	"$(VENV)/bin/toolkit" run lenet5

test: $(READY) ## run the tests, a file on each core at a time
	$(IN_VENV) pytest --numprocesses auto --dist loadfile $(ARGS)

check: lint types test ## formatting, lint, types and tests

lint: $(READY) ## formatting and lint, nothing is changed
	$(IN_VENV) ruff format --check .
	$(IN_VENV) ruff check .

types: $(READY) ## mypy --strict
	$(IN_VENV) mypy --strict

format: $(READY) ## format, and mend what lint can mend
	$(IN_VENV) ruff format .
	$(IN_VENV) ruff check --fix .

bench: $(READY) ## what the toolkit itself costs: its start, its harness, what it can resolve here
	"$(VENV)/bin/python" bench/help_startup.py
	"$(VENV)/bin/python" bench/harness_overhead.py
	"$(VENV)/bin/python" bench/aa.py

clean: ## remove caches and build outputs; .venv and exported/ stay
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find toolkit models tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
