# Written for GNU make 3.81 (macOS) and later.
SHELL := /bin/bash
PYTHON := .venv/bin/python
INSTALLED := .venv/installed
TESTS ?=
UP ?=

# Tests and `aktif up` start some hundred processes of ours, and each would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install up test check bench lock clean

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## makes .venv and installs what the lock names, if that was not done yet

$(INSTALLED): requirements.lock pyproject.toml deploy/install
	@deploy/install

up: $(INSTALLED) ## starts everything on this machine with a sample staff list; Ctrl-C ends it; UP="..." for options
	@.venv/bin/aktif up --demo $(UP)

test: $(INSTALLED) ## runs all tests on real servers, which it finds or starts itself; TESTS="..." for some
	@$(PYTHON) -m pytest -n 3 --dist worksteal $(TESTS)

check: $(INSTALLED) ## lint, format and strict types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy schemas shared services tests

bench: $(INSTALLED) ## measures the workers against plain ones and against the floor
	@$(PYTHON) -m tests.bench

lock: ## resolves pyproject.toml anew into requirements.lock (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header -o requirements.lock

clean: ## removes .venv and caches; the data of `aktif up` stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
