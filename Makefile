# make setup | demo | default-pack | test | loop | screens | runtimes | lint | constraints; each does all of its own set-up, into .venv.
PYTHON ?= python3
VENV   := .venv
OLDEST := .venv-oldest
UV     := $(VENV)/bin/uv
UV_PIN := uv==0.13.9
DEMO   ?= demo-out
SHARED := ../shared
# Real ImageNet weights where they are at hand; torchvision downloads them elsewhere.
export TORCH_HOME ?= $(if $(wildcard $(SHARED)/torch),$(abspath $(SHARED)/torch),$(HOME)/.cache/torch)

DATA   ?= $(SHARED)/data
PACK   ?= mobile_app/packs/default
WORK   ?= build/default-pack

.PHONY: setup demo default-pack test test-lab test-rest test-oldest runtimes android-tools loop screens lint format constraints clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("edge-wbc needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name one: make PYTHON=python3.11") if sys.version_info < (3, 11) else 0'
	@PYTHON=$(PYTHON) sh .ci/system-packages
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(UV_PIN)
	VIRTUAL_ENV=$(abspath $(VENV)) $(UV) pip install --quiet -c constraints.txt -e '.[train,export,cad,cluster,tensorboard,app,android,dev]'
	@touch $@

# The oldest packages that core has to run on, and none but its own: no torch, no SciPy.
$(OLDEST)/.installed: pyproject.toml constraints-oldest.txt $(VENV)/.installed
	@test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	VIRTUAL_ENV=$(abspath $(OLDEST)) $(UV) pip install --quiet -c constraints-oldest.txt -e . pytest hypothesis arabic-reshaper
	@touch $@

demo: setup
	$(VENV)/bin/edge-wbc demo --out $(DEMO)

# The pack that the app is built with; goes on where it was stopped. Two of BCCD's boxes are no boxes: exit code 1.
default-pack: setup
	$(VENV)/bin/edge-wbc data import bccd $(DATA)/bccd --out $(WORK)/bccd || test $$? -eq 1
	$(VENV)/bin/edge-wbc synth smears --count 85 --white 6 --formats records --out $(WORK)/drawn
	$(VENV)/bin/edge-wbc train $(DATA)/pbc $(DATA)/tecom $(WORK)/bccd $(WORK)/drawn \
		--labels guard --recipe shift --epochs 4 --out $(WORK)/run
	$(VENV)/bin/edge-wbc export $(WORK)/run --kinds tflite-int8,weights --about $(PACK)-data.md --out $(PACK)

test: lint test-oldest android-tools
	$(VENV)/bin/python benchmarks/runtimes.py 2.14.0-x86_64
	OMP_NUM_THREADS=1 $(MAKE) --jobs=2 --output-sync=target test-lab test-rest

# The two halves of the tests, as long as each other: a core each.
test-lab: setup
	$(VENV)/bin/python -m pytest tests/lab tests/export

test-rest: setup
	$(VENV)/bin/python -m pytest --ignore=tests/lab --ignore=tests/export

test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest tests/core tests/mobile_app/session tests/mobile_app/packaging/test_stage.py tests/cli/test_minimal.py

# The whole circle in one test: touches, session, import, adapt, export, install, the same field again.
loop: setup
	LOOP=1 $(VENV)/bin/python -m pytest tests/mobile_app/screens/test_loop.py

# Pictures of every screen for docs/app.md, on drawn fields.
screens: setup
	$(VENV)/bin/python docs/screens.py

# What tests of the Android packaging compile and sign with; without it they skip.
android-tools: setup
	-sh .ci/android-tools

# What the phones run: TFLite 2.8.0 and 2.11.0 for ARMv7 and x86-64, and 2.14.0; `make test` then proves models there.
runtimes: setup
	$(VENV)/bin/python benchmarks/runtimes.py

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: setup
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# Pins every package of every extra together; run it to move to newer versions.
constraints: setup
	$(UV) pip compile --quiet --upgrade --all-extras --python-version 3.11 --no-annotate --no-header pyproject.toml -o constraints.txt
	printf 'numpy==1.23.2\nopencv-python==4.5.5.64\ntyper\nrich\npytest\nhypothesis\narabic-reshaper==3.1.0\n' | $(UV) pip compile --quiet --upgrade --python-version 3.11 --no-annotate --no-header - -o constraints-oldest.txt

clean:
	rm -rf $(VENV) $(OLDEST) $(DEMO) build dist
