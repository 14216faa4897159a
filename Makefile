PYTHON ?= $(shell command -v python3.13 || command -v python3)
BIN := .venv/bin

.PHONY: help install demo run token test proof bench lint format openapi lock

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: .venv/.installed node_modules/.installed ## what everything else needs; runs by itself

.venv/.installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 13) and "Python 3.13 is needed (make PYTHON=/path/to/python3.13), this is " + sys.version)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

node_modules/.installed: package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: install ## the main job on this machine, from nothing to delivered messages
	@$(BIN)/python -m dev.demo

run: install ## the product on this machine until Ctrl-C
	@$(BIN)/python -m dev.run

token: .venv/.installed ## a local bearer token: make token USER=alice MANDATE=m1 ROLE=user|mandate-admin|admin
	@$(BIN)/python -m dev.token --user "$(USER)" --mandate "$(MANDATE)" --role "$(ROLE)"

lint: .venv/.installed ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.installed ## mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: install lint ## lint, types, tests against Azurite and the sandbox
	$(BIN)/python -m pytest -n 2 --dist loadfile

# Two files at a time, in the order of their names: killed processes, mostly waiting, go beside the others.
proof: install ## the heavy part: ten thousand people, killed processes, fuzzing; prints its figures
	$(BIN)/python -m pytest tests/proof -n 2 --dist loadfile --no-loadscope-reorder

bench: install .venv/.bench ## speed beside the alternatives, half an hour (QUICK=1: 3 minutes); PARTS="ways growth latency cold imports" ROUNDS=3
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS)) $(PARTS)

.venv/.bench: .venv/.installed requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

openapi: .venv/.installed ## write docs/openapi.json from the routes
	$(BIN)/python -m dev.openapi

lock: .venv/.installed ## write the exact pins from requirements*.in
	$(BIN)/uv pip compile -q --no-header --python-version 3.13 requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --no-header --python-version 3.13 requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --no-header --python-version 3.13 requirements-bench.in -o requirements-bench.txt
