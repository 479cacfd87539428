# The whole interface of a developer. Needs Python 3.11 or newer, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Where `make run` keeps its data; git-ignored.
DATA ?= data/demo
# Arguments for pytest, as ARGS="-k stop -x". Without: two workers, the tests of one file together, since they
# share fixtures and processes.
ARGS ?= -n 2 --dist loadfile
# Options of `python -m tests.faults`; its --help lists them.
FAULTS ?= --seeds 20
# Options of `signalos up`, as OPTIONS="--http-port 8090".
OPTIONS ?=

RUN_STAMP := $(VENV)/.stamp-run
DEV_STAMP := $(VENV)/.stamp-dev
CONTRACT := $(wildcard protos/signalos/v1/*.proto) build_hooks/contract.py
# What the dashboard is built of; its packages are pinned by package-lock.json.
DASHBOARD := $(shell find web_gateway/dashboard/src web_gateway/dashboard/public -type f -not -path '*/generated/*') \
  $(wildcard web_gateway/dashboard/*.json web_gateway/dashboard/*.ts web_gateway/dashboard/index.html) \
  build_hooks/build.py build_hooks/dashboard.py
SOURCES := signalos_server signalos_bridge web_gateway signalos_verify signalos_telegram signalos_cli tests benchmarks build_hooks tools

.DEFAULT_GOAL := help
.PHONY: help run test faults simulate check proto bench lock screenshots clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(RUN_STAMP) ## Install what is needed and run the demo: http://127.0.0.1:8080
	@exec $(BIN)/signalos up --demo --data-dir $(DATA) $(OPTIONS)

test: $(DEV_STAMP) ## Install what is needed and run every test
	$(BIN)/python -m pytest $(ARGS)

faults: $(DEV_STAMP) ## Put whole systems under every fault: FAULTS="--rows F1,F3 --seeds 20"
	$(BIN)/python -m tests.faults $(FAULTS)

simulate: $(DEV_STAMP) ## Run server and bridge on virtual time: SIMULATE="--runs 10000 --workers 2"
	$(BIN)/python -m tests.simulator $(SIMULATE)

check: $(DEV_STAMP) ## Lint the contract, the code, its types and its imports
	@mkdir -p .build
	$(BIN)/python build_hooks/contract.py .build/contract.binpb
	$(BIN)/buf lint .build/contract.binpb --config buf.yaml --path signalos
	$(BIN)/buf format --diff --exit-code protos
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python build_hooks/dashboard.py check

proto: $(DEV_STAMP) ## Generate the stubs of the contract again
	$(BIN)/python build_hooks/contract.py

bench: $(DEV_STAMP) ## Measure, each figure beside its reference
	$(BIN)/python -m benchmarks
	SIGNALOS_MEASURE=1 $(BIN)/python -m pytest tests/browser/test_speed.py -q -s

screenshots: $(DEV_STAMP) ## Take the pictures of docs/dashboard.md anew; needs Chromium
	$(BIN)/python tools/screenshots.py

lock: ## Write requirements.lock anew, with the newest versions that fit
	rm -rf .build/lock
	$(PYTHON) -m venv .build/lock
	.build/lock/bin/python -m pip install --quiet --upgrade 'pip>=25.3'
	.build/lock/bin/python -m pip install --quiet --editable '.[all]' --group dev
	{ echo '# Versions that are known to work together, given to pip as constraints. Made by `make lock`.'; \
	  .build/lock/bin/python -m pip freeze --exclude-editable; } > .build/requirements.lock
	mv .build/requirements.lock requirements.lock
	rm -rf .build/lock

clean: ## Remove all that was made here, but no data
	rm -rf $(VENV) .build .cache dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf *.egg-info protos/buf
	rm -rf $(addprefix web_gateway/dashboard/,dist dist.new node_modules .generated src/generated NOT_BUILT.txt)
	find protos/signalos \( -name '*_pb2.py' -o -name '*_pb2.pyi' -o -name '*_grpc.py' -o -name '*_grpc.pyi' \) -delete
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# The stubs and the dashboard are made by the installation, so what they are made of makes it stale too.
$(RUN_STAMP): pyproject.toml requirements.lock $(CONTRACT) $(DASHBOARD) | $(BIN)/python
	$(PIP) install --quiet --upgrade 'pip>=25.3'
	$(PIP) install --quiet --constraint requirements.lock --build-constraint requirements.lock --editable '.[all]'
	@cat web_gateway/dashboard/NOT_BUILT.txt 2>/dev/null || true
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	$(PIP) install --quiet --constraint requirements.lock --group dev
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'SignalOS needs Python 3.11 or newer; say which one with: make PYTHON=/path/to/python3'; exit 1; }
	$(PYTHON) -m venv $(VENV)
