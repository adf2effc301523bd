# make setup · demo · test · test-all · check · bench
# Every target sets itself up first; PYTHON=/path/to/python chooses the interpreter.

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check bench schemas sheets

BIN := .venv/bin

help:
	@echo "make setup     make .venv with all that is needed; quick when done"
	@echo "make demo      the main job: render, publish, train, compare; at most 15 minutes on 2 cores"
	@echo "make test      tests, without the slow ones"
	@echo "make test-all  all tests"
	@echo "make check     lint, formatting, types, import rules"
	@echo "make schemas   export the JSON Schema of every document, to docs/schemas/ and the Unity project"
	@echo "make sheets    draw the contact sheets of docs/sheets/; half an hour on 2 cores"
	@echo "make bench     benchmarks, written to bench.json"

setup:
	@scripts/setup.sh

demo: setup
	@$(BIN)/python scripts/demo.py

test: setup
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-all: setup
	@$(BIN)/python -m pytest -n 2 --dist worksteal

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

schemas: setup
	@$(BIN)/beltline schema --out docs/schemas
	@$(BIN)/python scripts/unity_project.py

bench: setup
	@$(BIN)/python scripts/bench.py --out bench.json

sheets: setup
	@for generator in belt-g1 belt-g2 belt-g3 belt-g4 belt-g5 belt-g6 belt-dr; do \
	  $(BIN)/beltline sheet $$generator --frames 64 --size 240x136 --out docs/sheets/$$generator.jpg || exit 1; done
	@$(BIN)/beltline sheet exterior --frames 64 --size 240x180 --out docs/sheets/exterior.jpg
