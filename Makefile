# Everything a newcomer types. Each target does its own set-up in .venv; Python 3.11 or newer is all it needs.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: serve test lint format docs bench bench-quick bench-scale bench-soak bench-profile bench-webhooks bench-plugin plugin-matrix webhook-storm crash mutants release-contract lock sdk fuzz clean bench-stores bench-workers

serve: .venv/.done  ## run the mock on http://127.0.0.1:8787
	$(BIN)/wixture serve $(ARGS)

test: .venv/.done  ## run the whole test suite
	$(BIN)/python -m pytest -n auto $(ARGS)

lint: .venv/.done  ## format, lint, types, import rules, dependencies, spelling, and the contract's own lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell
	$(BIN)/wixture spec check spec/openapi.yaml
	$(BIN)/wixture spec check spec/control.yaml

format: .venv/.done
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/.done  ## write docs/reference/ anew
	$(BIN)/python docs/generate.py

bench: .venv/.done  ## measure requests, start-up and memory beside the peers (Linux; about 5 minutes)
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: .venv/.done  ## the same with fewer and shorter rounds, about a minute
	$(BIN)/python -m benchmarks --quick $(ARGS)

bench-scale: .venv/.done  ## what a page costs at a million consents beside a thousand
	$(BIN)/python -m benchmarks.scale $(ARGS)

bench-stores: .venv/.done  ## what a state file and PostgreSQL cost beside memory
	$(BIN)/python -m benchmarks.stores $(ARGS)

bench-workers: .venv/.done  ## reads by two workers beside one
	$(BIN)/python -m benchmarks.workers $(ARGS)

bench-profile: .venv/.done  ## where a request's CPU time goes, by station
	$(BIN)/python -m benchmarks.stations $(ARGS)

bench-soak: .venv/.done  ## memory over a million requests
	$(BIN)/python -m benchmarks.soak $(ARGS)

bench-webhooks: .venv/.done  ## how soon a healthy receiver is told, beside 100 dead ones and without
	$(BIN)/python -m benchmarks.webhooks $(ARGS)

bench-plugin: .venv/.done benchmarks/.venv/.done  ## what the pytest plugin costs a suite, beside other plugins
	$(BIN)/python -m benchmarks.plugin $(ARGS)

plugin-matrix: .venv/.done  ## the plugin's tests under every Python here and every pytest supported (--short: two)
	$(BIN)/python -m tests.fixtures.plugin.matrix $(ARGS)

webhook-storm: .venv/.done  ## 1,000 seeded storms of failing receivers: no event missed, none twice (about 2 minutes)
	$(BIN)/python -m benchmarks.storm $(ARGS)

mutants: .venv/.done  ## hold conformance against mocks with bugs: 9 of 10 are caught (--short: 20 mutants)
	$(BIN)/python -m tests.conformance.mutants $(ARGS)

fuzz: .venv/.done  ## ten minutes of every phase and check against a mock of its own
	$(BIN)/wixture serve --port 8790 --random-seed 1 > /dev/null & mock=$$!; trap 'kill $$mock' EXIT; sleep 3; \
	$(BIN)/wixture fuzz --url http://127.0.0.1:8790 --max-time 600 --max-examples 200 --allow-writes \
	  --allow-irreversible createFollowedChannel $(ARGS)

crash: .venv/.done  ## 1,000 cycles of write load and kill -9 on files, as many on two servers of a database: nothing is lost (about 30 minutes)
	$(BIN)/python -m benchmarks.crash $(ARGS)
	$(BIN)/python -m benchmarks.crash --servers 2 $(ARGS)

release-contract:  ## the contracts as they are now become those that later ones are held against
	cp spec/openapi.yaml spec/control.yaml spec/released/
	sed -i.bak '/^accepted:/,$$d' spec/released/accepted.yaml && rm spec/released/accepted.yaml.bak
	echo 'accepted: []' >> spec/released/accepted.yaml

sdk: tests/sdk/node_modules/.done  ## install the official JavaScript SDK that the end-to-end tests drive

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --quiet

lock: .venv/.done  ## refresh every lock file of Python packages
	$(LOCK) pyproject.toml --group dev --extra all -o requirements.lock
	$(LOCK) pyproject.toml tests/fixtures/plugin/pytest8.in -o tests/fixtures/plugin/pytest8.lock
	$(LOCK) pyproject.toml tests/fixtures/plugin/pytest9.in -o tests/fixtures/plugin/pytest9.lock
	$(LOCK) pyproject.toml benchmarks/plugin.in -o benchmarks/plugin.lock

.venv/.done: .venv/.dependencies pyproject.toml
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps -e .
	touch $@

.venv/.dependencies: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wixture needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	touch $@

benchmarks/.venv/.done: benchmarks/plugin.lock pyproject.toml
	$(PYTHON) -m venv --clear benchmarks/.venv
	benchmarks/.venv/bin/python -m pip install --quiet --require-hashes -r benchmarks/plugin.lock
	touch $@

tests/sdk/node_modules/.done: tests/sdk/package-lock.json
	cd tests/sdk && npm ci --no-audit --no-fund
	touch $@

clean:
	rm -rf .venv benchmarks/.venv dist build tests/sdk/node_modules benchmarks/node_modules
