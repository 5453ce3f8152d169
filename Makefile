# One command each: demo, test, test-slow, test-search, test-ray, check, docs, bench, test-oldest, test-newest, clean.

VENV ?= .venv
BIN := $(VENV)/bin
INSTALL_INPUTS := pyproject.toml constraints.txt tools/environment.sh
CPU_CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
# A build of torch without the gigabytes for graphics cards, if pip finds one without asking an index (PIP_FIND_LINKS).
CPU_TORCH := torch==2.13.0+cpu
PYTEST := -m pytest -n $(CPU_CORES) --dist worksteal

.PHONY: help demo test test-slow test-search test-ray check docs bench test-oldest test-newest clean

help:
	@sed -n 's/^# \(make [a-z-]*  .*\)/\1/p' Makefile

# make demo         install and run the self-test on real data; prints where the report is
demo: $(VENV)/.installed
	$(BIN)/holdfast demo --out demo-output

# make test         all tests but the slow ones
test: $(VENV)/.installed-tests
	$(BIN)/python $(PYTEST)

# make test-slow    the slow ones: statistical simulations, long end-to-end runs
test-slow: $(VENV)/.installed-tests
	$(BIN)/python $(PYTEST) -m slow

# make test-search  property tests on new random examples, ten times as many
test-search: $(VENV)/.installed-tests
	$(BIN)/python $(PYTEST) -m hypothesis --hypothesis-profile=search

# make test-ray     all tests on a Ray cluster of two nodes on this machine; installs the extra (80 MB), Linux only
test-ray: $(VENV)/.installed-tests
	@tools/environment.sh $(VENV) -c constraints.txt -e '.[boosting,skops,ray]' --group test --group check
	$(BIN)/python -m pytest -m 'slow or not slow' tests/auditing/test_ray_executor.py tests/e2e/test_ray_cli.py

# make check        lint, format, types, floors, shape of the tree, generated docs
check: $(VENV)/.installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src/holdfast tools
	$(BIN)/lint-imports
	$(BIN)/python tools/lint_tree.py
	$(BIN)/python tools/check_docs.py

# make docs         write the generated pages: checks, commands, schemas
docs: $(VENV)/.installed-tests
	$(BIN)/python tools/generate_docs.py

# make bench        measure the figures of benchmarks/RESULTS.md on this machine
bench: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks

# make test-oldest  the tests with the oldest supported dependencies
test-oldest: $(VENV)/.installed
	$(BIN)/python tools/oldest.py > .oldest.txt
	tools/environment.sh .venv-oldest -c .oldest.txt -e '.[boosting,skops,sigstore]' --group test
	.venv-oldest/bin/python $(PYTEST)

# make test-newest  the tests with the newest released dependencies
test-newest:
	tools/environment.sh .venv-newest --upgrade --upgrade-strategy eager -e '.[boosting,skops,sigstore]' --group test
	.venv-newest/bin/python $(PYTEST)

# make clean        remove environments, caches and the demo's output
clean:
	rm -rf .venv .venv-oldest .venv-newest .oldest.txt demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: $(INSTALL_INPUTS)
	@tools/environment.sh $(VENV) -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-tests: $(INSTALL_INPUTS)
	@tools/environment.sh $(VENV) -c constraints.txt -e '.[boosting,skops,sigstore]' --group test --group check
	@if $(BIN)/python -m pip install --quiet --no-index --no-deps '$(CPU_TORCH)' 2>/dev/null; \
	then tools/environment.sh $(VENV) -c constraints.txt -e '.[torch]'; \
	else echo "no $(CPU_TORCH) at hand: tests of neural networks are skipped (see CONTRIBUTING.md)"; fi
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: $(VENV)/.installed-tests
	@tools/environment.sh $(VENV) -c constraints.txt -e '.[boosting,skops]' --group bench
	@touch $@
