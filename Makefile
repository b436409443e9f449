# The front door. Needs make and Python 3.11 or newer with its venv module, and nothing else.

# Names or paths to try, in this order. A name may be found and still fail (a version manager's
# shim), so each is tried by running it.
PYTHON = python3 python3.13 python3.12 python3.11 python

# More arguments: `make run ARGS="--port 9000"`, `make test ARGS="-e py312"`.
ARGS =

help:
	@echo 'make run     serve on http://127.0.0.1:8080 with the memory backend'
	@echo 'make test    check style and types, and run every test'
	@echo 'make lint    check style and types only'
	@echo 'make clean   remove what the others made'
	@echo
	@echo 'ARGS="..." goes to sharq-server (run) or tox (test); PYTHON=... names the Python to use.'

run: .venv/.with-server
	@.venv/bin/sharq-server --config sharq.conf $(ARGS)

test: .venv/.with-tox
	@.venv/bin/python -m tox run $(ARGS)

lint: .venv/.with-tox
	@.venv/bin/python -m tox run -e lint $(ARGS)

clean:
	rm -rf .venv .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.with-server: .venv/.made pyproject.toml constraints.txt
	@echo 'Installing sharq_plug into .venv ...'
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable .
	@touch $@

.venv/.with-tox: .venv/.made constraints.txt
	@echo 'Installing tox into .venv ...'
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt tox
	@touch $@

.venv/.made:
	@for python in $(PYTHON); do \
		if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
			>/dev/null 2>&1; then \
			"$$python" -m venv --clear .venv && touch $@; \
			exit; \
		fi; \
	done; \
	echo 'Python 3.11 or newer with its venv module is needed, and none of these is that:' >&2; \
	echo '    $(PYTHON)' >&2; \
	echo 'Install one (on Debian and Ubuntu also python3-venv), or name it: make PYTHON=...' >&2; \
	exit 1

.PHONY: help run test lint clean
