# The one list of verbs. Each does its whole work from a fresh clone, installing missing packages first.
.DEFAULT_GOAL := help
.PHONY: help demo test check soak bench format format-check tidy docs clean dependencies

JOBS := $(shell nproc)
# Debian's own Python: it is the one that has the packages of scripts/debian-packages.txt.
PYTHON := /usr/bin/python3
PYTEST := $(PYTHON) -m pytest tests/system
ROOMS := common schemas gpu_kernels recordings firmware_sim edge uplink tests
SOURCES = $(shell find $(ROOMS) -name '*.cc' -o -name '*.h')
PROGRAMS := stethos-edge stethos-collector stethos-sim

help: ## say what each verb does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

demo: dependencies ## build, then watch simulated machines travel from device to collector; about two minutes after the build
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target $(PROGRAMS)
	$(PYTHON) demo/demo.py

test: dependencies ## build and run every quick test: units, sources, format, whole processes; about ten minutes on two cores
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS)
	ctest --preset dev -j $(JOBS)
	scripts/check-sources.py
	$(MAKE) format-check
	$(PYTEST) -m "not slow"

check: dependencies ## everything else: sanitizers, clang-tidy, 1000 seeds, long whole-process tests; about forty minutes on two cores
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS)
	scripts/tidy.py
	build/dev/bin/stethos-simulation --first 101 --seeds 1000
	cmake --preset asan
	cmake --build --preset asan -j $(JOBS)
	ctest --preset asan -j $(JOBS)
	cmake --preset release
	cmake --build --preset release -j $(JOBS) --target $(PROGRAMS)
	$(PYTEST) -m slow

MINUTES := 60
soak: dependencies ## new seeds of the simulation and kills of real processes for MINUTES (60)
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS)
	scripts/soak.sh $(MINUTES)

bench: dependencies ## measure on this machine; asserts nothing
	cmake --preset release
	cmake --build --preset release -j $(JOBS)
	$(PYTHON) tests/bench/bench.py
	$(PYTHON) tests/bench/kernels.py

format: dependencies ## let clang-format rewrite our sources
	clang-format-19 -i $(SOURCES)

format-check: dependencies
	@clang-format-19 --dry-run -Werror $(SOURCES) && echo "format-check: $(words $(SOURCES)) files formatted"

tidy: dependencies ## run clang-tidy over every source
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS)
	scripts/tidy.py

docs: dependencies ## write the pages that are generated: settings and statistics
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS) --target $(PROGRAMS) gpu_kernels_test
	build/dev/bin/stethos-edge config reference >docs/config/edge.md
	build/dev/bin/stethos-collector config reference >docs/config/collector.md
	build/dev/bin/stethos-sim --print-scenario-reference >docs/config/simulator.md
	STETHOS_WRITE_DOCS=1 build/dev/bin/gpu_kernels_test --gtest_brief=1 --gtest_filter='Statistics.ThePage*'

clean: ## remove everything that was built
	rm -rf build

dependencies:
	@scripts/install-dependencies.sh
