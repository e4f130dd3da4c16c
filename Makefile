# Everything here starts from Python and the package registries alone; no root needed. (`amqp` wants a C compiler too.)
PYTHON ?= python3
SECONDS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := .venv-bench/.installed
LOCALSTACK_STAMP := .venv-localstack/.installed

# Tests and benches start many processes of one code: without bytecode on disk each of them compiles it anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install localstack amqp demo test check format bench torture docs reference lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

install: $(STAMP) ## make .venv with the locked dependencies and .venv/bin/postroad

$(STAMP): requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# SNS and SQS for the tests; nothing of it is part of the hub.
localstack: $(LOCALSTACK_STAMP)

$(LOCALSTACK_STAMP): requirements/localstack.txt
	@test -x .venv-localstack/bin/python || $(PYTHON) -m venv .venv-localstack
	.venv-localstack/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/localstack.txt
	@touch $@

# AMQP of the test servers of Service Bus and Event Hubs; where it cannot be compiled, that is said, and the rest runs.
amqp: install
	@$(BIN)/python tools/test/install_amqp.py

demo: install ## run a hub, vehicles and a customer (SECONDS=20 stops by itself)
	@$(BIN)/postroad demo $(if $(SECONDS),--seconds $(SECONDS))

test: install localstack amqp ## every test but the long ones
	$(BIN)/python -m pytest -m "not slow" -n auto $(PYTEST_ARGS)

check: install ## format, lint, strict types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: install ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install $(BENCH_STAMP) ## measure, as ratios, and keep it in docs/bench; the last line is one JSON object
	@$(BIN)/python bench/run.py --keep

# The home-made build that `make bench` compares with; nothing of it is part of the hub.
$(BENCH_STAMP): requirements/bench.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

torture: install amqp ## the long tests: 100 kills, a ten-minute soak, long fuzz
	$(BIN)/python -m pytest -m slow --timeout 7200 $(PYTEST_ARGS)

docs: install ## build the docs site into site/; a broken link fails
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	$(BIN)/zensical build --strict --clean
	$(BIN)/python tools/docs/check_offline.py site

reference: install ## make docs/reference/ and the REST client from the code
	$(BIN)/python tools/docs/generate.py
	$(BIN)/python tools/client/generate.py

lock: ## renew the hashed requirements files (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements/postroad.in -o requirements/postroad.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements/dev.in -o requirements/dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" --constraints requirements/dev.txt requirements/amqp.in -o requirements/amqp.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements/docs.in -o requirements/docs.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements/bench.in -o requirements/bench.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" requirements/localstack.in -o requirements/localstack.txt

clean: ## remove what this Makefile made
	rm -rf $(VENV) .venv-bench .venv-localstack site .pytest_cache .mypy_cache .ruff_cache .hypothesis
