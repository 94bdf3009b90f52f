# The commands of this repository. Each installs into .venv what it needs: try `make demo`.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet
# The pinned versions. `make test CONSTRAINTS=/dev/null` takes the newest ones instead.
CONSTRAINTS ?= constraints.txt

.PHONY: demo test quick nightly pages docs docs-serve quality coverage bench gpu kernels integration integration-all lint format package clean

$(BIN)/python:
	$(PYTHON) -m venv .venv
	$(PIP) --upgrade pip

# A stamp is newer than the files it depends on, so a second `make` installs nothing.
.venv/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --constraint $(CONSTRAINTS) --editable '.[dev]'
	touch $@

# The demo needs torch, TextWorld, SciPy and the command line, and nothing for tests or trainers.
.venv/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --constraint $(CONSTRAINTS) --editable '.[demo]'
	touch $@

demo: .venv/.demo
	$(BIN)/creditlib demo

# Every test except those marked nightly. Minutes on two cores.
test: .venv/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

# A subset for the time while you edit: about two minutes on two cores. It leaves out the laws, the
# long inputs, processes of their own, and the kernels, which are slow in Triton's interpreter.
QUICK := tests/vocabulary tests/inputs tests/ops tests/estimators tests/shaping tests/weighting \
	tests/rollouts tests/report tests/algebra tests/test_registry.py tests/test_layering.py \
	tests/test_mirror.py tests/test_public_api.py tests/test_golden_core.py
quick: .venv/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal $(QUICK) \
		-k "not triton and not kernels and not returns_long and not scans_long and not right_aligned \
		and not warm_up and not reading_memory and not ray_engine and not loads_no_extra"

# Every test, with more random batches for each law; then every law with thousands of batches.
nightly: .venv/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal --nightly
	$(BIN)/python tests/nightly_laws.py
	$(BIN)/python tests/nightly_fuzz.py

# Writes the pages of docs/ that are made from docstrings and data. The pictures of docs/gallery.md
# are drawn by `python -m docs.figures` and `python -m docs.screenshots`.
pages: .venv/.installed
	$(BIN)/python -m docs.print_pages

# The documentation site, in build/docs. It needs no network but to install; a warning is an error.
.venv/.docs: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --constraint $(CONSTRAINTS) --editable '.[docs]'
	touch $@

docs: .venv/.docs
	$(BIN)/python -m docs.site

# Shows the site at http://localhost:8000.
docs-serve: docs
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/docs 8000

# Audits every estimator for docs/quality.md, in minutes on two cores. `make pages` then prints it.
quality: .venv/.installed
	$(BIN)/python -m docs.quality_run

# The share of the package's lines that the tests run; compiled loops and kernels are left out.
coverage: .venv/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term --cov-report=html:build/coverage

# Measures every function against memory, the reference and the installed trainers on a quiet machine.
# BENCH passes options: make bench BENCH="--only gae --peer slime=../slime".
bench: .venv/.installed
	$(BIN)/python -m benchmarks $(BENCH)

# One session on a GPU, eight minutes at most: what the machine is, every operation against the CPU,
# times of the grid, rivals, forms of kernels, the tests of the operations on all cores, counters.
# Each part is a process with a time limit of its own, and no part stops another. Rows go to
# benchmarks/results as they come, or to the folder OUT. The exit code tells if something was wrong.
# PY is the python of an environment whose torch is built for that GPU. It needs triton, einops,
# jaxtyping, typer and rich; pytest, pytest-xdist and hypothesis for the tests; creditlib need not be
# installed. GPU passes options: make gpu GPU="--minutes 4 --only facts,grid".
# `make gpu GPU=--rehearse PY=.venv/bin/python` runs all of it but CUDA itself without a GPU, in half
# a minute. The session has not yet run on a GPU.
PY ?= python3
gpu:
	$(PY) -m benchmarks.gpu $(GPU)

# Compiles every form of every kernel with each version of Triton that is supported; no GPU.
kernels: .venv/.installed
	$(BIN)/python tests/kernels/versions.py $(VERSIONS)

# Tests an adapter with its trainer's own code: make integration TRAINER=verl. Each trainer gets an
# environment of its own, because their pinned versions exclude each other. A trainer whose
# dependencies need a GPU is installed without them (constraints/NAME-alone.txt). A trainer that is
# not packaged is read from a checkout: make integration TRAINER=roll SOURCES=.. reads ../ROLL.
TRAINER ?= trl
SOURCES ?=
RUN_ALL = $(BIN)/python tests/trainers/run_all.py $(if $(SOURCES),--sources $(SOURCES))
integration: .venv/.installed
	$(RUN_ALL) $(TRAINER)

# Every trainer that pip can install, and with SOURCES=.. the others; prints the table of
# docs/trainers/runs.md. WRITE=--write puts the new lines there.
integration-all: .venv/.installed
	$(RUN_ALL) $(WRITE)

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: .venv/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Builds the wheel and checks that it holds the package and nothing else.
package: .venv/.installed
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(BIN)/python -m zipfile --list build/wheel/*.whl | awk 'NR > 1 && $$1 !~ /^creditlib(-|\/)/ \
		{ print "not part of the package: " $$1; bad = 1 } END { exit bad }'

clean:
	rm -rf .venv .venv-* build dist .coverage .pytest_cache .ruff_cache .hypothesis
