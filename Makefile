# Two commands do everything on a machine with only Python 3.11+ and make: `make demo` and `make test`.
# Everything stays in this folder: .venv, retrue-demo, site.

# The first Python that is new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
BIN := .venv/bin
# One more than there are cores: tests wait for the services that they start.
JOBS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
ARGS ?=
# Empty: what Python compiles is kept, also where the environment forbids it; each process of a test takes a second more else.
export PYTHONDONTWRITEBYTECODE :=
CODE := src tests scripts $(wildcard benchmarks)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-full check format docs pictures bench lock clean runtime dev programs

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: runtime ## set up .venv with Retrue and its demo data
	@echo "ready: $(BIN)/retrue --help"

demo: runtime ## replay real flights: drift, edge cases, retraining, promotion (ARGS=--quick for a short one)
	$(BIN)/retrue demo $(ARGS)

test: dev programs ## set up what the tests need and run them, except the slow ones (ARGS=tests/core, JOBS=1)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow" $(ARGS)

test-full: dev programs ## run all tests
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: dev ## formatting, lint, types, import direction, docs
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: dev ## rewrite the code as the formatter wants it, and mend what lint can mend
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

docs: dev ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

pictures: dev programs ## take the docs' pictures anew, of the quick demo's store
	$(BIN)/retrue demo --quick --store build/pictures
	$(BIN)/python scripts/pictures.py build/pictures/store

bench: dev ## measure speed, memory and accuracy against the peers (minutes; peers go into .peers)
	$(BIN)/python -m benchmarks $(ARGS)

lock: ## write the lock files anew (needs uv; ARGS=--upgrade)
	scripts/lock.sh $(ARGS)

clean: ## remove what the other commands made
	rm -rf .venv .venv.lock .peers build dist site retrue-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

runtime:
	@$(PYTHON) scripts/environment.py runtime

dev:
	@$(PYTHON) scripts/environment.py dev

programs:
	@scripts/programs.sh
