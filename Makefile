# make run: install into .venv and run the demo.  make test: everything that CI checks.  make soak: the long suites.  make site: the documentation.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := $(shell find . -path ./$(VENV) -prune -o -path ./build -prune -o -path './results' -prune \
	-o \( -name '*.py' -o -name '*.toml' -o -name '*.csv' -o -name '*.npz' -o -name '*.j2' -o -name '*.mplstyle' \) -print)
JOBS ?= 2

.PHONY: run test lint types kernels tests soak servers site clean

run: kernels
	$(BIN)/na64 demo --to results/demo

$(VENV)/dependencies: requirements.lock
	$(PYTHON) -m venv $(VENV)
	@echo "installing the packages of requirements.lock, 1.4 GB on the disk: a minute or some, and pip says nothing"
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	touch $@

$(VENV)/installed: $(VENV)/dependencies $(SOURCES)
	rm -rf build *.egg-info
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall .
	rm -rf build *.egg-info
	mkdir -p $(VENV)/src && ln -sfn ../.. $(VENV)/src/na64
	touch $@

# Types are checked beside the tests: these leave a core idle now and then, mypy the other one always, and beside
# the compilation of kernels, which the workers of pytest would wait for.
test: lint
	$(MAKE) --jobs=2 types tests

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell $$(git ls-files | grep -v -e '[.]lock$$' -e '[.]npz$$' -e '[.]png$$')

types: $(VENV)/installed
	MYPYPATH=$(VENV)/src $(BIN)/mypy -p na64

kernels: $(VENV)/installed
	$(BIN)/na64 compile

tests: kernels
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations 10

# About 50 minutes on two cores, part by part in docs/trust.md, where two variables are said to make it longer.
# The longest files go first; of the others the first, a quick one, waits behind the longest.
TORTURE := $(wildcard tests/torture/test_*.py tests/torture/faults/test_*.py)
LONGEST := tests/torture/test_guards.py tests/torture/faults/test_soak.py
soak: $(VENV)/installed
	$(BIN)/pytest -q -m "soak or not soak" -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations 10 \
		$(LONGEST) $(filter-out $(LONGEST),$(TORTURE))
	$(BIN)/pytest -q -m soak -n $(JOBS) --dist loadfile --durations 10 --ignore tests/torture

# Part of make soak. What is not on the machine is skipped with a reason; tests/servers/install.sh installs it.
servers: $(VENV)/installed
	$(BIN)/pytest -q -m soak --durations 10 tests/servers

site: $(VENV)/installed
	$(BIN)/mkdocs build --quiet

clean:
	rm -rf $(VENV) build *.egg-info results .mypy_cache .ruff_cache .pytest_cache
