# Two commands do everything on a fresh machine: make demo, make test.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all check reports cuda docs bench mutate clean

demo: .venv/demo  ## GoogLeNet's table and the naive/reduced comparison, without torch
	$(BIN)/netcalc table googlenet
	@echo
	$(BIN)/netcalc compare naive reduced

test: check  ## everything that CI runs
	$(BIN)/python -m pytest -n auto

MODELS := $(BIN)/python -m pytest -n auto -m all --junitxml=.venv/models.xml
test-all: .venv/counters test  ## that, and every model of torchvision and timm: reports/models.md
	@rm -f .venv/models.xml
	$(MODELS); failed=$$?; $(BIN)/python -m tests.models_report .venv/models.xml && exit $$failed

check: .venv/dev  ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

reports: .venv/dev  ## the generated pages in reports/
	$(BIN)/python -m tests.reports

cuda: .venv/dev  ## reports/cuda.md, on a machine with a GPU
	$(BIN)/python -m tests.reports --cuda

docs: .venv/dev  ## the generated blocks in docs/ and README.md
	$(BIN)/cog -r README.md docs/*.md

bench: .venv/counters  ## ratios of one run, written to reports/benchmarks.md
	$(BIN)/python tests/bench/bench.py

mutate: .venv/dev  ## how many changed operators and constants of netcalc/core the tests notice
	$(BIN)/python tests/mutate.py

clean:
	rm -rf .venv dist build

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@ .venv/demo

.venv/counters: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev,counters]"
	@touch $@
