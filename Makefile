# The two commands: `make train` (ARGS="loss_weights.class=2.0" are overrides) and `make test`.
# The first call makes .venv from the lock, with uv where it is present, else with pip. (--seed: without pip in
# the environment MLflow warns each time it logs a model.)
PYTHON ?= python3
RUN := .venv/bin/python
STAMP := .venv/.installed

.PHONY: train test test-slow test-all lowest ui pictures check audit bench lock clean

train: $(STAMP)
	$(RUN) -m pipeline.train $(ARGS)

test: $(STAMP)
	$(RUN) -m pytest -n 2 --dist worksteal -m "not slow" $(ARGS)

# What `make test` leaves out: real servers, killed processes, every README command.
test-slow: $(STAMP)
	$(RUN) -m pytest -n 2 --dist worksteal -m slow $(ARGS)

test-all: $(STAMP)
	$(RUN) -m pytest -n 2 --dist worksteal $(ARGS)

# The tests of the config, the data, the training and the store, and one training, with the lowest versions that
# pyproject.toml allows; needs uv. Packages that old use what has been deprecated since.
lowest:
	uv venv --quiet --seed --clear --python 3.11 .venv-lowest
	uv pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct \
		--prerelease if-necessary-or-explicit --editable '.[sweep,dev]'
	.venv-lowest/bin/python -m pytest -n 2 --dist worksteal -m "not slow" -W ignore::DeprecationWarning \
		tests/config tests/data tests/training tests/tracking tests/test_metrics.py $(ARGS)
	cd .venv-lowest && bin/python -m pipeline.train trainer.epochs=2

# MLflow's pages on the runs of this folder; ARGS="port=5050".
ui: $(STAMP)
	$(RUN) -m pipeline.ui $(ARGS)

# Redraws the README's pictures from the program; needs Chromium or Chrome, takes some ten minutes.
pictures: $(STAMP)
	$(RUN) docs/pictures.py $(ARGS)

# What pre-commit runs too.
check: $(STAMP)
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(dir $(RUN))lint-imports --no-cache --no-logo

# Known vulnerabilities of the packages in the lock. It asks PyPI; where PyPI does not answer, or does not know a
# package, it fails instead of finding nothing.
audit:
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/pip install --quiet 'pip-audit>=2.10'
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip --requirement requirements.lock $(ARGS)

# Speed, as ratios of two things run alternately: minutes, on an idle machine.
bench: $(STAMP)
	$(RUN) -m benchmarks.speed $(ARGS)

$(STAMP): pyproject.toml requirements.lock
	@if command -v uv > /dev/null; then \
		uv venv --quiet --seed --allow-existing --python $(PYTHON) .venv && \
		uv pip install --quiet --python $(RUN) --constraint requirements.lock --editable '.[sweep,dev]'; \
	else \
		$(PYTHON) -m venv .venv && \
		$(RUN) -m pip install --quiet --constraint requirements.lock --editable '.[sweep,dev]'; \
	fi
	@touch $@

# Run it after changing a dependency in pyproject.toml; needs uv. Versions in the lock that still fit stay;
# ARGS=--upgrade takes the newest version of every package.
lock:
	uv pip compile pyproject.toml --universal --all-extras --python-version 3.11 --no-header \
		--prerelease if-necessary-or-explicit --annotation-style line --quiet \
		--output-file requirements.lock $(ARGS)

clean:
	rm -rf .venv .venv-lowest .venv-audit build dist .pytest_cache .ruff_cache .mypy_cache
