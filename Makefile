.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
EXAMPLE := deploy/example-portal
TRIAL := .portal-rag/example
GOLDEN ?= evals/golden/portal.yaml
EVALS_OUT ?= .portal-rag/evals
BACKEND := deploy/backstage/backend

# What `make run`, `make demo` and `make ask` use: the example portal, from files, without Backstage.
EXAMPLE_ENV := PORTAL_RAG_AUTH=none PORTAL_RAG_INDEX_DIR=$(TRIAL)

.PHONY: help install run index demo demo-renamed ask test check format lint types imports portal portal-stop leak-matrix evals calibrate intents retrieval mutations bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## Create the virtual environment with everything in it

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "portal-rag needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $(READY)

index: $(READY) ## Index the example portal from its files
	$(EXAMPLE_ENV) $(BIN)/portal-index run --source files --path $(EXAMPLE) --rebuild

run: index ## Index the example portal and serve it on 127.0.0.1:8007
	@echo
	@echo 'Ask in another terminal, for example:'
	@echo '  $(BIN)/portal-rag ask --url http://127.0.0.1:8007 "Who owns notification-service?"'
	@echo '  curl -s http://127.0.0.1:8007/api/portal-rag/v1/questions -H "content-type: application/json" \'
	@echo '    -d "{\"question\": \"Where is the runbook for payments-gateway?\"}"'
	@echo
	$(EXAMPLE_ENV) PORTAL_RAG_PORT=8007 $(BIN)/portal-rag serve

ask: $(READY) ## Ask the local index in-process: make ask Q="Who owns cart-service?"
	@$(EXAMPLE_ENV) $(BIN)/portal-rag ask "$(Q)"

demo: $(READY) ## Index the example portal, serve it, ask eight questions and check the answers
	$(BIN)/python -m evals.demo $(EXAMPLE)

demo-renamed: $(READY) ## The same after every entity and team got another name
	$(BIN)/python -m evals.demo --renamed $(EXAMPLE)

test: lint types imports ## Everything: checks, all tests (with a real Backstage), branch coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist loadgroup --no-loadscope-reorder
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: lint types imports ## The fast part: checks, and the tests that need neither Node nor the model
	$(BIN)/python -m pytest --ignore=tests/portal -m 'not model' -n 2 -q

format: $(READY) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY) ## Style and size rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m evals.function_lengths portal_rag indexer evals

types: $(READY) ## mypy, strict
	$(BIN)/mypy

imports: $(READY) ## Which module may import which
	$(BIN)/lint-imports

portal: ## Install (once) and start a real Backstage backend on 127.0.0.1:7007
	$(BACKEND)/setup.sh
	$(BACKEND)/start.sh

portal-stop: ## End it
	$(BACKEND)/stop.sh

leak-matrix: $(READY) ## Ask a real Backstage, as each user and in both identities, about all that is hidden
	$(BIN)/python -m evals.leakage $(EXAMPLE)

calibrate: $(READY) ## Learn what confidence is computed with; PORTAL_RAG_EVAL_DATA names the data sets
	$(BIN)/portal-evals calibrate --content $(EXAMPLE) --portal --docs-questions evals/retrieval/backstage_docs.dev.yaml \
		--work $(EVALS_OUT)/calibrating --report $(EVALS_OUT)/calibration.json \
		--out portal_rag/confidence/packaged_calibration.json $(GOLDEN)

evals: $(READY) ## Ask the golden questions of a real Backstage as each user, judge the answers, check the gates
	$(BIN)/portal-evals lint --content $(EXAMPLE) $(GOLDEN)
	$(BIN)/portal-evals run --content $(EXAMPLE) --portal --out $(EVALS_OUT) --junit $(EVALS_OUT)/junit.xml $(GOLDEN)

intents: $(READY) ## How often it is read right what a question wants, on questions that nobody looked at
	$(BIN)/portal-evals intents
retrieval: $(READY) ## Measure retrieval on the data sets of PORTAL_RAG_EVAL_DATA (first run: half an hour)
	$(BIN)/portal-evals retrieval --out $(EVALS_OUT)/retrieval.json

mutations: $(READY) ## Put faults into a copy of what guards permissions; each must fail a test
	$(BIN)/python -m evals.mutations

bench: $(READY) ## Measure; prints ratios, nothing is asserted
	$(BIN)/python -m evals.bench $(EXAMPLE)
	$(BIN)/python -m evals.secrets $(EXAMPLE)

clean: ## Remove what was made here (not the caches in your home directory)
	rm -rf $(VENV) .portal-rag .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
