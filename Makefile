# Everything a newcomer needs: `make demo`, `make test`, `make lint`. All of it lives in .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test nightly lint format package clean

# The stamp makes an installation happen once, and again when what is installed changes.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/.installed
	$(BIN)/creditlib demo

test: .venv/.installed
	$(BIN)/python -m pytest -n 2

# Every law with thousands of batches; writes what it ran into docs/laws.md. 35 minutes on two cores.
nightly: .venv/.installed
	$(BIN)/python tests/laws_page.py

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: .venv/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The wheel holds the package and nothing else.
package: .venv/.installed
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(BIN)/python -m zipfile --list build/wheel/*.whl | awk 'NR > 1 && $$1 !~ /^creditlib(-|\/)/ \
		{ print "not part of the package: " $$1; bad = 1 } END { exit bad }'

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
