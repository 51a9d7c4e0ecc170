# Short names for those who type make; the commands are the real interface.
PYTHON ?= python3

.PHONY: lab run test doctor build constraints
lab run test doctor build:
	$(PYTHON) -m spikedu $@

# Newer versions: make constraints UPGRADE=--upgrade
constraints:
	uv pip compile --universal --python-version 3.11 pyproject.toml --extra dev \
		--no-annotate --no-header $(UPGRADE) -o constraints.txt
