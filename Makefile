# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export HF_HUB_OFFLINE := 1

.PHONY: demo test check lint format generate bench clean ext

# Installs the package, built optimised, and all that its tests need.
$(VENV)/installed: pyproject.toml Cargo.toml Cargo.lock $(shell find rust python -name '*.rs' -o -name '*.py' -o -name '*.pyi' -o -name Cargo.toml)
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade "pip>=24"
	$(PY) -m pip install --quiet ".[test]"
	touch $@

## From audio to feature shards, models and a report, on synthetic corpora that it makes itself.
demo: $(VENV)/installed
	$(PY) scripts/demo.py

## Everything: Rust and Python tests.
test: $(VENV)/installed
	cargo test --workspace --quiet
	$(PY) -m pytest -n auto

## The fast inner loop: formatting, lints, Rust tests, the quick Python tests.
check: $(VENV)/installed lint
	cargo test -p emofeat-core --lib --quiet
	$(PY) -m pytest -n auto -m "not slow" tests/emofeat

lint: $(VENV)/installed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy python/emofeat python/emomodels
	$(PY) scripts/generate.py --check

format: $(VENV)/installed
	cargo fmt --all
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

## The files that follow from the catalogue.
generate: $(VENV)/installed
	$(PY) scripts/generate.py

## Speed against the peers, each after a check that both computed the same.
bench: $(VENV)/installed
	$(PY) benches/peers.py

## The extension into the source tree, for work with PYTHONPATH=python; up to twice as slow as the release.
ext:
	cargo build --profile quick -p emofeat-py
	cp target/quick/lib_emofeat.so python/emofeat/.new.so
	mv python/emofeat/.new.so python/emofeat/_emofeat.abi3.so

clean:
	rm -rf target $(VENV) build dist python/emofeat/*.so
