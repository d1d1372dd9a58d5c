# Everything is set up in .venv inside the checkout: `make demo` and `make test` work in a fresh clone.
# Another interpreter (3.11 or newer): make PYTHON=python3.12 demo

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PINS   := pyproject.toml constraints.txt

.PHONY: help demo test lint train bench conformance clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Simulate a patient, read and compare both MRIs, print the truth beside it (in out/demo)
	$(BIN)/resorb demo --output out/demo --overwrite

test: $(VENV)/.dev ## Run the tests, with coverage (all but those of `make conformance`)
	$(BIN)/python -m pytest -m "not conformance" --cov --cov-report=term

lint: $(VENV)/.dev ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

train: $(VENV)/.train ## Make the embedded model from the data folder, into out/training/model (training/README.md)
	$(BIN)/python -m training --out out/training

bench: $(VENV)/.dev ## Time and peak memory of `resorb read` (benchmarks/README.md has the other commands)
	$(BIN)/python -m benchmarks.speed --output out/bench

conformance: $(VENV)/.dev ## Open the output with other people's software
	$(BIN)/python -m pytest -m conformance

clean: ## Remove what make made, the virtual environment included
	rm -rf $(VENV) out build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage src/*.egg-info

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit("resorb needs Python 3.11 or newer: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.created $(PINS)
	$(PIP) --editable '.[pdf]'
	@touch $@

$(VENV)/.dev: $(VENV)/.created $(PINS)
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.runtime

$(VENV)/.train: $(VENV)/.created $(PINS)
	$(PIP) --editable '.[dev,train]'
	@touch $@ $(VENV)/.dev $(VENV)/.runtime
