# What can be done here. Everything runs in .venv, which the first target makes (see .ci/set_up) and which later runs use offline.
# ARGS goes to the program behind a target: make demo ARGS=--json, make test ARGS='-k outbox', make soak ARGS='--seed 7'.
.DEFAULT_GOAL := help
# What was compiled once is kept: programs start in half the time.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test check bench soak lock clean ready-run ready-dev

PY := .venv/bin/python
# Three workers on two cores: much of a journey's time is waiting, and two at once leave a core idle. The real Bluesky network is started
# by one of them only.
WORKERS ?= 3
ARGS ?=

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1	/' | expand -t 14

demo: ready-run ## a pretend network, a brand's day, the listener and the inbox, in a database of its own
	@.venv/bin/hubbub demo $(ARGS)

test: ready-dev ## all tests
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: ready-dev ## style, types, floor plan, locked requirements, the tests of the house itself
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) .ci/requirements_in_step.py
	@if command -v uv >/dev/null 2>&1; then uv lock --check --offline; fi
	$(PY) -m pytest -q -m "not slow" tests/house $(ARGS)

bench: ready-dev ## what each stage costs beside its limit or peer, one JSON line a figure
	@$(PY) -m bench $(ARGS)

soak: ready-dev ## kills and storms of many at once with random seeds, for as long as you let it
	@$(PY) -m tests.journeys.soak $(ARGS)

lock: ## new uv.lock and requirements files from pyproject.toml (needs uv)
	uv lock
	uv export --quiet --frozen --no-dev --group backend --no-emit-project --no-header --format requirements-txt -o requirements.txt
	uv export --quiet --frozen --group dev --no-emit-project --no-header --format requirements-txt -o requirements-dev.txt

clean: ## .venv and everything that tools left here
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready-run:
	@.ci/set_up run

ready-dev:
	@.ci/set_up dev
