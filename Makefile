# Every command that people use. Each does its own set-up in .venv, may be repeated, and is quick the second time.
# What is installed is exactly what the lock files name, checked by hash (docs/adr/0001-packaging-and-lock.md).

SHELL := /bin/sh
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STATE := $(if $(WALMART_BI_HOME),$(WALMART_BI_HOME),.walmart_bi)
SAMPLE := $(STATE)/sample/sales_2024-02_2025-02.csv
PORT ?= 3000

# A stamp is named after the content that it stands for, so neither a checkout nor a touched file leaves a stale one.
key = $(shell { pwd; cat $(1); } | cksum | cut -d ' ' -f 1)
RUN_STAMP := $(VENV)/installed-run-$(call key,requirements.lock)
DEV_STAMP := $(VENV)/installed-dev-$(call key,requirements.lock requirements-dev.lock)
PROJECT_STAMP := $(VENV)/installed-project-$(call key,pyproject.toml setup.py)

# After a change of a lock the environment is built anew: adding to it would keep what the new lock no longer names.
ifneq (,$(filter-out $(RUN_STAMP) $(DEV_STAMP),$(wildcard $(VENV)/installed-run-* $(VENV)/installed-dev-*)))
$(shell rm -f $(VENV)/installed-*)
endif

PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
# The locks are complete, so nothing is resolved here; a test asks pip whether anything is missing.
INSTALL := $(PIP) install --require-hashes --no-deps --only-binary :all:
# In the order of their names: xdist would begin with the files of most tests, and end on one of few and long ones.
# A third worker works while others wait for locks, servers and clocks, a quarter of the time.
PYTEST = $(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder
# What stands around the pipeline: benchmarks, the image, the suite for an AWS account, the AWS servers of this machine.
TOOLS := $(addprefix walmart_bi_tests/,benchmarks deploy/test_image.py deploy/test_live_suite.py end_to_end/test_dev_aws.py)
LOCK := $(BIN)/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-build --no-header $(LOCK_ARGS)

.PHONY: help run dev dev-aws test test-tools coverage proof mutants bench docs lock clean setup-run setup-dev

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

run: setup-run ## load FILE=path.csv (or a 50,000-row sample) through the whole graph and print the KPIs
ifdef FILE
	@$(BIN)/walmart-bi load "$$FILE"
else
	@if [ ! -f '$(SAMPLE)' ]; then \
		echo 'make: writing a sample of 50,000 rows, 13 months, to $(SAMPLE)'; \
		mkdir -p '$(dir $(SAMPLE))'; \
		$(BIN)/walmart-bi sample --rows 50000 --months 2024-02 2025-02 --output '$(SAMPLE)'; \
	fi
	@$(BIN)/walmart-bi load '$(SAMPLE)'
endif

dev: setup-run ## start the Dagster UI and daemon on http://127.0.0.1:3000 (PORT=n for another)
	@echo 'make: runs and cursors are kept in .dagster/; the temporary directory that Dagster names holds nothing'
	@$(BIN)/dagster dev --host 127.0.0.1 --port $(PORT)

dev-aws: setup-dev ## the same with the aws target, on servers of this machine that play S3 and Redshift; no account needed
	@$(BIN)/python -m walmart_bi_tests.dev_aws --state '$(STATE)/aws' --port $(PORT)

# Tests start some hundred processes. One that may not keep what it compiled compiles the whole project again.
test test-tools coverage: export PYTHONDONTWRITEBYTECODE =

test: setup-dev ## format, lint, types, then every test of the pipeline
	@echo 'make: format' && $(BIN)/ruff format --check --quiet .
	@echo 'make: lint' && $(BIN)/ruff check --quiet .
	@echo 'make: types' && $(BIN)/mypy --no-error-summary
	@echo 'make: tests' && $(PYTEST) $(addprefix --ignore=,$(TOOLS))

test-tools: setup-dev ## the tests of what stands around the pipeline: benchmarks, image, servers of this machine
	@$(PYTEST) $(TOOLS)

coverage: setup-dev ## every test with branch coverage, which is held; takes longer
	@$(PYTEST) --cov --cov-report term

proof: setup-dev ## kill, race and fuzz loads for hours, and write docs/proof.md; goes on where it was stopped (PROOF_ARGS='--seeds 5' for less)
	@$(BIN)/python -m walmart_bi_tests.proof $(PROOF_ARGS)

mutants: setup-dev ## change the code for the worse, see what the tests miss, write docs/mutation.md (ARGS='values gates' for some)
	@$(BIN)/python -m walmart_bi_tests.mutation $(ARGS)

bench: setup-dev ## the benchmark table
	@$(BIN)/python -m benchmarks

docs: setup-run ## write docs/kpis.md and docs/cleaning.md again from their sources
	@$(BIN)/python -m walmart_bi.kpis.docs
	@$(BIN)/python -m walmart_bi.sales.contract_docs > docs/cleaning.md.new
	@mv docs/cleaning.md.new docs/cleaning.md

lock: setup-dev ## write the lock files again from pyproject.toml (LOCK_ARGS=--upgrade takes newer versions)
	@$(LOCK) --group build --output-file requirements.lock
	@$(LOCK) --group dev --extra bench --extra scale --constraint requirements.lock --output-file requirements-dev.lock
	@$(LOCK) --group build --extra aws --constraint requirements.lock --output-file deploy/requirements.lock

clean: ## remove what the commands built; loaded data (.walmart_bi) and run history (.dagster) stay
	@rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find walmart_bi walmart_bi_tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

setup-run: $(RUN_STAMP) $(PROJECT_STAMP)

setup-dev: $(DEV_STAMP) $(PROJECT_STAMP) ## build .venv for tests, benchmarks and proof, and do nothing else

# With no valid stamp nothing in .venv is trusted: it may come from another lock, or from an install that was stopped.
$(RUN_STAMP):
	@python=$$(PYTHON='$(PYTHON)' sh tools/find-python.sh); \
	echo "make: building $(VENV) with $$python (the first time takes a minute or two)"; \
	rm -rf $(VENV); \
	"$$python" -m venv $(VENV)
	@echo 'make: installing the locked run-time packages (it says nothing until it is done)'
	@$(INSTALL) -r requirements.lock
	@touch $@

# The development lock holds the same versions as the run-time lock, so it adds to that environment.
$(DEV_STAMP): | $(RUN_STAMP)
	@echo 'make: installing the locked development packages (it says nothing until it is done)'
	@rm -f $(RUN_STAMP)
	@$(INSTALL) -r requirements-dev.lock
	@touch $(RUN_STAMP) $@

$(PROJECT_STAMP): | $(RUN_STAMP)
	@echo 'make: installing walmart_bi from this checkout'
	@rm -f $(VENV)/installed-project-*
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
