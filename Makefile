# Every target installs first what it needs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(sort $(dir $(wildcard plugins/*/pyproject.toml)))
PROTOS := mostek/erp/v1 mostek/link/v1 mostek/admin/v1
GENERATED := protos hub/mostek/hub/http/contract.binpb
STAMP := $(VENV)/.installed

# The tests start hundreds of processes, and each would compile anew what it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: $(STAMP) ## Install everything into .venv

$(STAMP): pyproject.toml $(addsuffix pyproject.toml,$(PLUGINS))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Mostek needs Python 3.11 or newer; set PYTHON=python3.12 or the like." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -e '.[hub,connector,client,otel]' $(addprefix -e ,$(PLUGINS)) --group dev
	@touch $@

ERP ?= subiekt-gt
.PHONY: demo
demo: install ## See calls reach an invented ERP and come back, with their times; ERP=wapro-mag for another; ends by itself
	$(BIN)/python deploy/demo $(ERP)

.PHONY: demo-serve
demo-serve: install ## The same, left running, with curl lines to try
	$(BIN)/python deploy/demo --serve $(ERP)

.PHONY: plugin
plugin: install ## The beginning of a plugin for another ERP, in plugins/NAME: NAME=my-erp
	$(BIN)/python -m mostek.plugin.template $(NAME)

.PHONY: test
test: install ## All tests
	$(BIN)/python -m pytest -q -n 4 --dist loadfile

.PHONY: check
check: install check-generated ## Style, types, import rules, contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	@if git rev-parse --verify --quiet main >/dev/null; then \
		echo "$(BIN)/buf breaking --against .git#branch=main"; \
		$(BIN)/buf breaking --against '.git#branch=main'; \
	else \
		echo "SKIPPED: buf breaking, because this clone has no branch main to compare with"; \
	fi
	@echo "NOT CHECKED: known vulnerabilities, which need a service on the network: make audit"

.PHONY: check-generated
check-generated: proto ## Generated code is up to date
	git diff --exit-code --stat -- $(GENERATED)

.PHONY: format
format: install ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/buf format --write

.PHONY: proto
proto: install ## Generate code and descriptors from the .proto files
	cd protos && PATH="$(CURDIR)/$(BIN):$$PATH" python -m grpc_tools.protoc -I . \
		--include_source_info --descriptor_set_out=../hub/mostek/hub/http/contract.binpb \
		--python_out=. --mypy_out=quiet:. --grpc_python_out=. --mypy_grpc_out=quiet:. \
		$(foreach folder,$(PROTOS),$(folder)/*.proto)

.PHONY: bench
bench: install ## Speed, as ratios against the bare thing; writes build/bench.json
	$(BIN)/python -m bench

.PHONY: scaling
scaling: install ## What one replica of several carries, and what its database does; writes build/scaling.json
	$(BIN)/python -m bench.scaling

.PHONY: requirements
requirements: install ## Pin what the images install, with hashes; asks the package index
	$(BIN)/python deploy/supply requirements

.PHONY: logins
logins: install ## Write the pages of the ERPs' database logins
	$(BIN)/python deploy/logins

.PHONY: dashboard
dashboard: install ## Write the Grafana dashboard
	$(BIN)/python deploy/grafana

.PHONY: wheels
wheels: install ## The packages of this repository as wheels, for the images, into build/wheels
	rm -rf build/wheels
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheels . $(PLUGINS)

PLATFORM ?= win_amd64
FOR ?=
.PHONY: wheelhouse
wheelhouse: install ## The connector as one file for sites, into build/; PLATFORM=linux_x86_64, FOR=subiekt,wapro: the plugins; asks the package index
	$(BIN)/python deploy/bundle --platform $(PLATFORM) $(if $(FOR),--plugins $(FOR))

.PHONY: setup
setup: wheelhouse ## A setup program for Windows around that bundle, into build/
	$(BIN)/python deploy/windows

.PHONY: audit
audit: install ## Look for known vulnerabilities in what is pinned; needs a vulnerability service
	$(BIN)/python deploy/supply audit

.PHONY: sbom
sbom: install ## The images' bills of materials (CycloneDX) into build/
	$(BIN)/python deploy/supply sbom

RECONNECTS ?= 10000
CALLS ?= 100000
.PHONY: soak
soak: install ## Nothing grows over 10,000 reconnects and 100,000 abandoned calls; RECONNECTS=, CALLS= for fewer
	$(BIN)/python -m soak --reconnects $(RECONNECTS) --calls $(CALLS)

.PHONY: chaos
chaos: install ## Faults at random under load, then the count of what was lost; MINUTES=2 HUBS=1 SEED=…; writes build/chaos.json
	$(BIN)/python -m chaos

.PHONY: clean
clean: ## Remove what was installed, built and cached
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
