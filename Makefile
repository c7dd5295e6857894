# make demo    a real video on a fresh machine: no account, no network beyond the package index
# make test    the tests that take no time: what everybody runs before and after a change
# make help    the rest

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python

# Tests start scripts hundreds of times, and each start would compile the whole package if bytecode were not kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo demo-cluster test test-slow test-all cases lowest check lint types format schema docs docs-tables requirements pictures day-pictures bench soak clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.ready  ## submit an example, collect it, print where the MP4 and the report are
	@TENXSOM_HOME= VIDEO_SERVICE=local_studio $(RUN) -m tenxsom demo

demo-cluster: $(VENV)/.ready-dev  ## a fleet on this machine: PostgreSQL, an object store, two workers, thirty films, a kill and a crash
	@$(RUN) tools/demo_cluster.py

test: $(VENV)/.ready-dev  ## the quick tests, in under two minutes; no account is needed
	$(RUN) -m pytest -n 4 --dist worksteal -m "not slow"

test-slow: $(VENV)/.ready-dev  ## the others: many processes, kills, whole films
	$(RUN) -m pytest -n 6 --dist worksteal -m slow $$(grep -rl --include='test_*.py' 'mark\.slow' tests)

test-all: $(VENV)/.ready-dev  ## every test, with more examples of each property
	$(RUN) -m pytest -n 3 --dist worksteal --hypothesis-profile thorough

cases: $(VENV)/.ready-dev  ## the tests that retell troubles which somebody really had
	$(RUN) -m pytest -n 2 --dist worksteal -m case

lowest: $(VENV)/.ready-dev  ## tests of what libraries do for us, with the lowest versions that requirements.txt allows
	bash .ci/lowest

check: lint types test-all  ## lint, types and every test: what CI runs

lint: $(VENV)/.ready-dev  ## ruff: style, layers, owners
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.ready-dev  ## mypy, strict
	$(VENV)/bin/mypy

format: $(VENV)/.ready-dev  ## put the code into shape
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .

schema: $(VENV)/.ready  ## make templates/job_definition.schema.json anew
	$(RUN) manage_jobs.py schema > templates/job_definition.schema.json

docs-tables: $(VENV)/.ready  ## write the documents' tables from the program's declarations
	$(RUN) tools/docs_tables.py

requirements:  ## write requirements*.txt from pyproject.toml, where every dependency stands once
	$(PYTHON) tools/requirements.py

docs: $(VENV)/.ready-dev  ## make a site of the documents, in build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict
	@echo "Open build/site/index.html; with its search: $(RUN) -m http.server --directory build/site"

pictures: $(VENV)/.ready  ## draw the pictures that are made from the code
	$(RUN) tools/architecture_picture.py

day-pictures: $(VENV)/.ready-dev  ## draw the README's day from the scripts' screens; takes some minutes
	$(RUN) tools/day_pictures.py

bench: $(VENV)/.ready-dev  ## every benchmark, as ratios; takes some minutes
	@for file in benchmarks/bench_*.py; do echo; $(RUN) $$file || exit 1; done

soak: $(VENV)/.ready-dev  ## 10,000 jobs with kills and faults, and every crash point; takes an hour. QUEUE=postgres: over a database
	$(RUN) -m tests.soak --write --queue $(or $(QUEUE),files)
	CRASH_POINTS=all $(RUN) -m pytest -n 2 tests/crash tests/end_to_end/test_every_definition.py tests/unit/media/test_subtitles.py

clean:  ## remove what make has made (never jobs, videos or the ledger)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt requirements-voice.txt $(VENV)/bin/python
	@echo "Installing the packages into $(VENV), once; this takes a minute or two."
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-voice.txt \
		|| echo "The English voice cannot be installed on this machine; films have captions only (docs/how-to/choose-a-voice.md)."
	@touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.ready
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
