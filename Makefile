# `make run` sets up and starts everything; `make test` sets up and tests everything. Nothing else is needed first.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TESTS := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not slow"

# Forbidden to keep bytecode, each of the hundreds of processes compiles all of its libraries anew: seconds of work each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run demo test test-slow setup lint types audit lock clean

run: setup
	@exec $(BIN)/python -m wrangler_compat dev

# A Twinreel of its own with films that it draws, copies of them, and the verdicts on these. DEMO="--exit" ends it then.
demo: setup
	@exec $(BIN)/python -m benchmarks.demo $(DEMO)

# The tests share the processors already: a thread of OpenBLAS that waits would spin on them.
test test-slow: export OPENBLAS_NUM_THREADS := 1

# The types are checked beside the tests, and what there is to say of them is said after these.
test: lint
	@sh deploy/setup/chromium.sh
	@echo "$(BIN)/mypy beside $(TESTS)"; \
	$(BIN)/mypy >$(VENV)/types.txt 2>&1 & types=$$!; \
	trap 'kill $$types 2>/dev/null; exit 130' INT TERM; \
	$(TESTS); tests=$$?; \
	wait $$types; types=$$?; \
	cat $(VENV)/types.txt; \
	[ $$tests -eq 0 ] && [ $$types -eq 0 ]

# What takes half a minute and more each: rolling restarts, long outages, the demo.
test-slow: setup
	$(BIN)/python -m pytest -n 0 -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

# Asks the advisory service about every locked package; not part of `test`, which needs no network.
audit: setup
	$(BIN)/python -m tests.deploy.audit

setup: $(STAMP)
	@sh deploy/setup/chromaprint.sh

$(STAMP): requirements-dev.lock deploy/setup/venv.sh
	@PYTHON=$(PYTHON) sh deploy/setup/venv.sh $(VENV)
	@touch $@

# Writes both lock files anew from pyproject.toml.
lock: setup
	sh deploy/setup/lock.sh $(BIN)/uv

clean:
	rm -rf $(VENV)
