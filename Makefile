# Opsroom: every command of the workspace. `make help` lists them.
# Lists follow from the folders: a new package, test layer or benchmark needs no change here.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
STAMPS := .venv/.stamps
UV := $(BIN)/uv
PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml tools/*/pyproject.toml schemas/pyproject.toml))
PROJECTS := $(PACKAGES:%=%/pyproject.toml)

# The Python of an outer virtual environment must not decide what goes into ours.
export VIRTUAL_ENV := $(CURDIR)/.venv
unexport PYTHONPATH PYTHONHOME

.PHONY: help
help: ## Say what there is (this)
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z0-9_%.-]+:.*## / {sub(/^test-%/, "test-LAYER", $$1); sub(/^bench-%/, "bench-NAME", $$1); printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "  test layers: unit ports $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/*/test_*.py))))) $(sort $(notdir $(patsubst %/tests,%,$(wildcard libs/*/tests services/*/tests tools/*/tests))))"
	@echo "  benchmarks:  $(sort $(patsubst bench/%.py,%,$(filter-out bench/peer_%,$(shell grep -l '^if __name__ ==' bench/*.py))))"

# --- installing: each step leaves a stamp, and is skipped until what it depends on changes ---------------------------------------------

.PHONY: install
install: $(STAMPS)/packages $(STAMPS)/kafka ## Install everything the other targets need (they do it by themselves)

$(STAMPS)/prerequisites: tools/devstack/prerequisites.sh
	@PYTHON=$(PYTHON) bash $<
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/uv: $(STAMPS)/prerequisites requirements/uv.txt
	@echo "install: .venv and uv"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(STAMPS)/dependencies: $(STAMPS)/uv requirements/dev.txt
	@echo "install: dependencies, as locked in requirements/dev.txt"
	@$(UV) pip install --require-hashes -r requirements/dev.txt
	@touch $@

# Without isolation: what builds our packages is locked too.
$(STAMPS)/packages: $(STAMPS)/dependencies $(PROJECTS)
	@echo "install: $(words $(PACKAGES)) packages of this workspace"
	@$(UV) pip install --quiet --no-deps --no-build-isolation $(PACKAGES:%=-e ./%)
	@touch $@

$(STAMPS)/kafka: $(STAMPS)/packages tools/devstack/kafka/pom.xml
	@echo "install: Kafka's jars"
	@$(BIN)/python -c 'from devstack.kafka_jars import kafka_jars; kafka_jars()'
	@touch $@

.PHONY: system
system: ## Install the Debian packages that the tutorial and some tests need (as root; else print the line to run)
	@bash tools/devstack/system.sh

.PHONY: lock
lock: $(STAMPS)/uv ## Write requirements/*.txt anew from the packages' declarations; no download host may get into them
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements/uv.in -o requirements/uv.txt
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		$(foreach name,$(shell sed -n 's/^name = "\(.*\)"$$/\1/p' $(PROJECTS)),--no-emit-package $(name)) \
		$(PROJECTS) requirements/dev.in -o requirements/dev.txt
	@if grep -n '://' requirements/*.txt; then echo "lock: the lines above name a download host: they must not be committed" >&2; exit 1; fi

# --- running -------------------------------------------------------------------------------------------------------------------------

.PHONY: up
up: install ## Start everything, in the foreground; Ctrl-C stops it; the data stays in .opsroom/
	@exec $(BIN)/devstack up

.PHONY: servers
servers: install ## Start Kafka, Postgres and Redis only
	@exec $(BIN)/devstack servers

.PHONY: status
status: install ## Say what of the stack runs
	@exec $(BIN)/devstack status

.PHONY: reset
reset: install ## Wipe the stack's data, after asking
	@exec $(BIN)/devstack reset

# --- checking ------------------------------------------------------------------------------------------------------------------------

# name|command, in the order of running: the quick ones first.
define CHECKS
ruff|$(BIN)/ruff check --quiet
format|$(BIN)/ruff format --check --quiet
house-rules|$(BIN)/python -m opsroom_checks
contracts|$(BIN)/python -m opsroom_common.contracts.gate
borders|$(BIN)/lint-imports --no-cache
types|$(BIN)/basedpyright
endef
export CHECKS

.PHONY: check
check: install ## Check style, types, borders, contracts and sizes; the first failure stops it
	@while IFS='|' read -r name command; do \
		began=$$(date +%s%N); \
		if output=$$($$command 2>&1 </dev/null); then state=ok; else state=failed; fi; \
		printf '%-12s %6.1f s  %s\n' "$$name" "$$(( ($$(date +%s%N) - began) / 100000000 ))e-1" "$$state"; \
		if [ $$state = failed ]; then printf '%s\n' "$$output"; echo "check failed: $$name (again with: $$command)"; exit 1; fi; \
	done <<< "$$CHECKS"
	@echo "check passed"

.PHONY: fix
fix: install ## Let ruff repair what it can
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format

.PHONY: test
test: install system ## Run all tests on a stack of their own (also while `make up` runs)
	@exec $(BIN)/devstack test

test-%: install ## Run one layer or one package's tests: make test-unit, make test-projector
	@exec $(BIN)/devstack test $*

bench-%: install ## Run one benchmark, bench/NAME.py: make bench-commands [JSON=FILE] [CHECK=1]
	@JSON='$(JSON)' CHECK='$(CHECK)' exec $(BIN)/python -m bench.$(subst -,_,$*)

.PHONY: chaos
chaos: install ## Break three brokers and three command-apis under load, and judge every answer: make chaos [JSON=FILE] [SEED=N] [CHECK=1]
	@JSON='$(JSON)' SEED='$(SEED)' CHECK='$(CHECK)' exec $(BIN)/python -m tests.chaos

.PHONY: spec
spec: install ## Check the model of the write protocol (docs/spec): each rule holds, and is missed when it is taken away
	@exec $(BIN)/python docs/spec/check.py

SEEDS ?= 1000
FROM ?= 0

.PHONY: simulate
simulate: install ## Simulate bad weeks, a seed each: make simulate [SEEDS=1000 FROM=0], or one in full: SEED=17 [PROFILE=duel]
	@exec $(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --first $(FROM)) $(if $(PROFILE),--profile $(PROFILE))

.PHONY: clean
clean: ## Remove what was installed and cached; the stack's data stays (make reset wipes that)
	@rm -rf .venv .cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	@find . -name node_modules -prune -o \( -name __pycache__ -o -name '*.egg-info' \) -type d -prune -exec rm -rf {} +
