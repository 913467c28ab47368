# Two commands: `make reproduce` and `make test`. Everything else is Snakemake's; see README.md.
SHELL := bash
.DELETE_ON_ERROR:

# the first that runs; asked for only when there is something to install
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do $$name -c '' 2>&- && echo $$name && break; done)
ENV ?= .venv
LOCK ?= envs/cpu-vllm.txt
CORES ?= all
# `EXTRA=slurm`: with what it takes to submit jobs to SLURM; it stays installed
EXTRA ?=
stamp = $(ENV)/.lock-$(firstword $(shell sha256sum $(1)))
STAMP := $(call stamp,$(LOCK))
EXTRA_STAMP := $(if $(EXTRA),$(call stamp,envs/$(EXTRA).txt))
BIN := $(abspath $(ENV))/bin

ifneq ($(words [$(CURDIR)][$(ENV)][$(LOCK)]),1)
$(error a path with a blank: make and installed scripts do not bear it; move the checkout, or ENV, elsewhere)
endif

.PHONY: reproduce test test-library test-models test-plans test-workflow test-slurm soak soak-slurm
.PHONY: env lint lock schema clean

reproduce: env  ## set up, then run the nano study
	PYTHONPATH=workflow $(BIN)/python -m safelrm owner
	$(BIN)/snakemake --cores $(CORES)
	@echo && cat results/nano/tables/summary.md

# Five processes side by side keep two cores busy to the end: SLURM's waits much, and its and the workflow's share one
# run of the smallest study. All share one warm process (tests/warm_server.py).
test: env  ## set up, then run the tests
	+@shared=$$(mktemp -d) && trap 'rm -rf "$$shared"' EXIT && SAFELRM_TEST_SHARED="$$shared" \
	  $(MAKE) --no-print-directory --jobs 5 --output-sync=target test-slurm test-workflow test-models test-library \
	  test-plans

# half of the time that all tests of the library take
OF_MODELS = $(addprefix tests/unit/,inference judging models nano operations reporting training)

test-library: env  ## tests of the library, but for those of test-models
	$(BIN)/python -m pytest tests/unit $(OF_MODELS:%=--ignore=%)

test-models: env  ## tests of the library that ask and train models, and of what reports them
	$(BIN)/python -m pytest $(OF_MODELS)

test-plans: env  ## tests of what Snakemake plans
	$(BIN)/python -m pytest tests/dag

test-workflow: env  ## tests that run the workflow
	$(BIN)/python -m pytest tests/e2e

test-slurm: env  ## tests that run it on a SLURM; without SAFELRM_TEST_SLURM=1 they are skipped
	$(BIN)/python -m pytest tests/slurm

soak: env  ## kill jobs and Snakemake at random in the default study; takes long, is not part of the tests
	$(BIN)/python -m pytest -m soak tests/unit
	$(BIN)/python tests/soak/soak.py

soak-slurm:  ## the same on a SLURM of its own, at the smallest size; needs root
	$(MAKE) env EXTRA=slurm
	$(BIN)/python tests/soak/soak_slurm.py

lint: env  ## style of Python and of rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

env: $(STAMP) $(EXTRA_STAMP)  ## the environment; no installer runs while its lock is unchanged

$(STAMP):
	@$(or $(PYTHON),$(error there is no Python: install 3.11, 3.12 or 3.13, or say make PYTHON=/path/of/python3.11)) \
	  envs/install.py $(ENV) $(LOCK) $@

ifdef EXTRA
$(EXTRA_STAMP): $(STAMP)
	@$(BIN)/python envs/install.py --add $(ENV) envs/$(EXTRA).txt $@
endif

schema: env  ## write the JSON schema and docs/configuration.md from the settings models
	PYTHONPATH=workflow $(BIN)/python -m safelrm schema

lock:  ## resolve the locks anew (needs uv)
	envs/lock.sh

clean:  ## remove everything that rules wrote; published results, downloads (hub) and the environment stay
	rm -rf data checkpoints rollouts work logs .snakemake $(filter-out results/published,$(wildcard results/*))
