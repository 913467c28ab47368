# Two commands: `make reproduce` and `make test`. Everything else is Snakemake's; see README.md.
SHELL := bash
.DELETE_ON_ERROR:

PYTHON ?= python3.11
ENV ?= .venv
LOCK ?= envs/cpu-vllm.txt
CORES ?= all
# `EXTRA=slurm`: with what it takes to submit jobs to SLURM; it stays installed
EXTRA ?=
stamp = $(ENV)/.lock-$(firstword $(shell sha256sum $(1)))
STAMP := $(call stamp,$(LOCK))
EXTRA_STAMP := $(if $(EXTRA),$(call stamp,envs/$(EXTRA).txt))
BIN := $(abspath $(ENV))/bin

.PHONY: reproduce test test-library test-workflow soak soak-slurm env lint lock schema clean

reproduce: env  ## set up, then run the nano study
	PYTHONPATH=workflow $(BIN)/python -m safelrm owner
	$(BIN)/snakemake --cores $(CORES)
	@echo && cat results/nano/tables/summary.md

# two processes side by side: those of the library keep one core busy, the workflow's wait much
test: env  ## set up, then run the tests
	+$(MAKE) --no-print-directory --jobs 2 --output-sync=target test-library test-workflow

test-library: env  ## tests of the library alone
	$(BIN)/python -m pytest tests/unit

test-workflow: env  ## tests of the workflow alone
	$(BIN)/python -m pytest tests/dag tests/e2e tests/slurm

soak: env  ## kill jobs and Snakemake at random in the default study; takes long, is not part of the tests
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

# --no-deps: the lock is complete, and a resolver would refuse what is known to work together
$(STAMP):
	@test "$(ENV)" = .venv || ! test -e $(ENV) || { \
	  echo "error: $(ENV) is not of $(LOCK); it may be in use elsewhere: remove it, or leave ENV out" >&2; exit 1; }
	@other=$$(cat $(ENV)/.lock-* 2>/dev/null | grep -vx '$(LOCK)' | head -n 1); test -z "$$other" || { \
	  echo "error: $(ENV) is the environment of $$other: say make LOCK=$$other, or remove it" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(ENV)
	$(BIN)/python -m pip install -qq --no-deps --requirement $(LOCK) || { \
	  echo "error: $(LOCK): could not be installed; torch's +cpu build is on PyTorch's CPU wheel index:" \
	       "name it with PIP_EXTRA_INDEX_URL, or keep the wheel in a folder named by PIP_FIND_LINKS" >&2; exit 1; }
	echo $(LOCK) > $@

ifdef EXTRA
$(EXTRA_STAMP): $(STAMP)
	$(BIN)/python -m pip install -qq --no-deps --requirement envs/$(EXTRA).txt
	touch $@
endif

schema: env  ## write the JSON schema and docs/configuration.md from the settings models
	PYTHONPATH=workflow $(BIN)/python -m safelrm schema

lock:  ## resolve the locks anew (needs uv)
	envs/lock.sh

clean:  ## remove everything that rules wrote; published results, downloads (hub) and the environment stay
	rm -rf data checkpoints rollouts work logs .snakemake $(filter-out results/published,$(wildcard results/*))
