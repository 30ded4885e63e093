# Two commands do everything: `make compose` and `make test`. Each sets up what it needs first.

.DEFAULT_GOAL := help
.PHONY: help compose test test-slow check lint types layers format setup setup-run lock wheel bench docs train-audio train-ears clean distclean

BIN := .venv/bin
SEED ?= 3
# What is composed: a rondo for four strings. Any other: make compose PIECE='--form blues --key F'
PIECE ?= --form rondo --texture chorale --instruments quartet
OUT ?= out
# More options for the program behind a target: make compose ARGS='--key g'
ARGS ?=

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

compose: setup-run ## compose a two-minute piece into out/
	$(BIN)/hybrid compose $(PIECE) --minutes 2 --seed $(SEED) -o $(OUT) $(ARGS)

test: setup ## run the tests
	$(BIN)/python -m pytest $(ARGS)

test-slow: setup ## run the long sweeps that `make test` leaves out
	$(BIN)/python -m pytest -m slow $(ARGS)

check: setup lint types layers test ## lint, types, layers and tests: what CI runs

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports --no-logo

format: setup ## lay out the code and mend what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

setup: ## make .venv with everything needed to develop
	@tools/setup.sh dev

setup-run: # only what composing needs; enough for `make compose`
	@tools/setup.sh run

lock: setup ## pin the dependencies of pyproject.toml again
	tools/lock.sh

wheel: setup ## build the wheel into dist/
	$(BIN)/uv build --wheel --no-build-isolation

bench: setup ## measure and write the tables of benchmarks/
	$(BIN)/python -m benchmarks $(ARGS)

PAIRS ?= out/pairs
AUDIO_RUN ?= out/audio
train-audio: setup ## train mapper, codec and refiner on a folder of pairs, or go on training them
	$(BIN)/python -m hybrid.audio_refiner.mapper_training --data $(PAIRS) -o $(AUDIO_RUN)
	$(BIN)/python -m hybrid.audio_refiner.audio_runs codec --data $(PAIRS) -o $(AUDIO_RUN)
	$(BIN)/python -m hybrid.audio_refiner.audio_runs refiner --data $(PAIRS) -o $(AUDIO_RUN) --codec $(AUDIO_RUN)/codec.safetensors

RENDERS ?= out/renders
train-ears: setup ## train the embedding of sound and the transcriber, or go on training them
	$(BIN)/python -m hybrid.audio_refiner.listener_training --data $(PAIRS) -o $(AUDIO_RUN)/listener
	$(BIN)/python -m hybrid.audio_refiner.transcriber_training --data $(RENDERS) --pairs $(PAIRS) -o $(AUDIO_RUN)/transcriber

docs: setup ## write the CLI help into docs/ again
	$(BIN)/python tools/cli_help.py
	$(BIN)/python tools/history_docs.py
	$(BIN)/python tools/rules_table.py

clean: ## remove build products and caches, not your pieces
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +

distclean: clean ## remove .venv as well
	rm -rf .venv
