# Every target installs first what it needs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(sort $(dir $(wildcard plugins/*/pyproject.toml)))
PROTOS := mostek/erp/v1 mostek/link/v1 mostek/admin/v1
STAMP := $(VENV)/.installed

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
	$(BIN)/python -m pip install --quiet -e '.[hub,connector,client]' $(addprefix -e ,$(PLUGINS)) --group dev
	@touch $@

.PHONY: proto
proto: install ## Generate code and descriptors from the .proto files
	cd protos && PATH="$(CURDIR)/$(BIN):$$PATH" python -m grpc_tools.protoc -I . \
		--include_source_info --descriptor_set_out=../hub/mostek/hub/http/contract.binpb \
		--python_out=. --mypy_out=quiet:. --grpc_python_out=. --mypy_grpc_out=quiet:. \
		$(foreach folder,$(PROTOS),$(folder)/*.proto)
