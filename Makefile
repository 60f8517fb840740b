# Every target sets up what it needs. With uv where it is installed, else venv and pip with the same locked hashes.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/.opennrm-ready
# What the scan takes for a secret and is none: each is judged by ruff's S105 to S107, or holds no secret at all.
NO_SECRET := noqa: S10[567]|scram-sha-256|_CROCKFORD|secrets/postgres_password|"(salt|digest)": "[0-9a-f]+"
.PHONY: help setup run demo audit-demo faults simulate fuzz sbom secrets test check fmt lock bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(READY) ## make .venv from the lock file; nothing to do the second time
$(READY): pyproject.toml uv.lock requirements.lock requirements-embedded.lock deploy/setup
	@deploy/setup && touch $@

run: $(READY) ## start everything, print the addresses and `ready`; Ctrl-C stops all of it, the data stay in .data/
	@exec $(BIN)/python -m nrm.launcher

demo: $(READY) ## play the histories in examples/ and check every count; KEEP=1 leaves it running
	@exec $(BIN)/python -m nrm.demo $(if $(KEEP),--keep)

audit-demo: $(READY) ## commit the seven attacks on a register of its own, show that nrm verify finds and names each
	@exec $(BIN)/python -m nrm.audit_demo

test: $(READY) ## every test, against a real PostgreSQL and a real Kafka; T=tests/unit for some
	@exec $(BIN)/python -m pytest $(T)

check: $(READY) ## style, types, architecture
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/architecture tests/history

fmt: $(READY) ## put the code into its one form
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

faults: $(READY) ## kills under load, nothing lost or doubled; long form: make faults KILLS=300
	@exec $(BIN)/python -m tests.faults --kills $(or $(KILLS),13)

simulate: $(READY) ## explore crashes, reorderings, duplicates and races by seed; SCHEDULES=100000, SEED=n plays one again
	@exec $(BIN)/python -m tests.simulation --schedules $(or $(SCHEDULES),100000) $(if $(SEED),--seed $(SEED))

fuzz: $(READY) ## bad inputs and schemathesis on every process; EXAMPLES=50 for each operation, SEED=1
	@exec $(BIN)/python -m tests.fuzz --examples $(or $(EXAMPLES),50) --seed $(or $(SEED),1)

secrets: $(READY) ## scan every tracked file for secrets
	@git ls-files -z ':!tests/history' ':!*.lock' | xargs -0 $(BIN)/detect-secrets-hook --exclude-lines '$(NO_SECRET)'

sbom: $(READY) ## every library that runs, with its hash, as CycloneDX: sbom.json
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o sbom.json requirements.lock

lock: ## write uv.lock and the pip files that follow it
	@deploy/lock

bench: $(READY) ## the benchmarks: JSON to bench/results/, a table to the terminal; P=append for a part, N=1000000 events
	@exec $(BIN)/python -m bench $(P) $(if $(N),--events $(N))

clean: ## remove .venv and the caches; the data in .data/ stay
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache
