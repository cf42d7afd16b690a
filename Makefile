# The one list of verbs. Each does its whole work from a fresh clone, installing missing packages first.
.DEFAULT_GOAL := help
.PHONY: help demo test check check-long soak fuzz bench format format-check tidy docs clean dependencies tidy-inputs

JOBS := $(shell nproc)
# Debian's own Python: it is the one that has the packages of scripts/debian-packages.txt.
PYTHON := /usr/bin/python3
# System tests wait more than they compute: two for each core.
PYTEST := $(PYTHON) -m pytest tests/system -n $(shell expr 2 '*' $(JOBS))
# The slow ones load the machine by themselves.
PYTEST_SLOW := $(PYTHON) -m pytest tests/system -n $(JOBS)
# Seeds of the simulation in parts of 50, a core each: $(call seeds,FIRST,LAST).
seeds = sh -c 'seq $(1) 50 $(2) | xargs -P $(JOBS) -I FIRST build/dev/bin/stethos-simulation --first FIRST --seeds 50'
# Says how long a command took.
STEP := @scripts/step.sh
ROOMS := common schemas gpu_kernels recordings firmware_sim edge uplink tests
SOURCES = $(shell find $(ROOMS) -name '*.cc' -o -name '*.h')
PROGRAMS := stethos-edge stethos-collector stethos-sim

help: ## say what each verb does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: dependencies ## build, then watch simulated machines travel from device to collector; about two minutes after the build
	$(STEP) "configure release" cmake --preset release
	$(STEP) "build release" cmake --build --preset release -j $(JOBS) --target $(PROGRAMS)
	$(STEP) demo $(PYTHON) demo/demo.py

test: tidy-inputs ## build and run every quick test: units, sources, format, whole processes; on two cores seven minutes from nothing, three and a half with a warm cache
	$(STEP) "configure dev" cmake --preset dev
	$(STEP) "build dev" cmake --build --preset dev -j $(JOBS)
	$(STEP) "unit tests" ctest --preset dev -j $(JOBS)
	$(STEP) "check sources" scripts/check-sources.py
	$(STEP) format $(MAKE) format-check
	$(STEP) "system tests" $(PYTEST) -m "not slow"

check: tidy-inputs ## sanitizers, clang-tidy over all but tests, 300 seeds, longer whole-process tests; with `make test` half an hour on two cores
	$(STEP) "configure dev" cmake --preset dev
	$(STEP) "build dev" cmake --build --preset dev -j $(JOBS)
	$(STEP) tidy scripts/tidy.py --without tests
	$(STEP) "300 seeds" $(call seeds,101,400)
	$(STEP) "configure asan" cmake --preset asan
	$(STEP) "build asan" cmake --build --preset asan -j $(JOBS)
	$(STEP) "unit tests under asan" ctest --preset asan -j $(JOBS)
	$(STEP) "configure release" cmake --preset release
	$(STEP) "build release" cmake --build --preset release -j $(JOBS) --target $(PROGRAMS)
	$(STEP) "slow system tests" $(PYTEST_SLOW) -m "slow and not long"

check-long: tidy-inputs ## before a big change is done: clang-tidy over tests too, 3000 more seeds, more draws of kills; half an hour on two cores
	$(STEP) "configure dev" cmake --preset dev
	$(STEP) "build dev" cmake --build --preset dev -j $(JOBS)
	$(STEP) tidy scripts/tidy.py
	$(STEP) "3000 seeds" $(call seeds,401,3400)
	$(STEP) "20000 streams" env STETHOS_SEEDS=20000 build/dev/bin/edge_window_test --gtest_brief=1 --gtest_filter="WindowerBooks.*:WindowerTrial.*"
	$(STEP) "long system tests" $(PYTEST_SLOW) -m long

MINUTES := 60
soak: dependencies ## new seeds of the simulation and kills of real processes for MINUTES (60)
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS)
	scripts/soak.sh $(MINUTES)

fuzz: dependencies ## give the decoders whatever bytes may come, for MINUTES (60)
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS) --target decoder_fuzz
	$(PYTHON) tests/fuzz/seeds.py build/fuzz/seeds
	mkdir -p build/fuzz/corpus
	build/fuzz/bin/decoder_fuzz -max_total_time=$$(expr 60 '*' $(MINUTES)) -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
	  -artifact_prefix=build/fuzz/ build/fuzz/corpus tests/fuzz/corpus build/fuzz/seeds

bench: dependencies ## measure on this machine; asserts nothing
	cmake --preset release
	cmake --build --preset release -j $(JOBS)
	$(PYTHON) tests/bench/bench.py
	$(PYTHON) tests/bench/kernels.py

format: dependencies ## let clang-format rewrite our sources
	clang-format-19 -i $(SOURCES)

format-check: dependencies
	@clang-format-19 --dry-run -Werror $(SOURCES) && echo "format-check: $(words $(SOURCES)) files formatted"

tidy: tidy-inputs ## run clang-tidy over every source
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

# Every source by itself, and the headers that are generated.
tidy-inputs: dependencies
	$(STEP) "configure tidy" cmake --preset tidy
	$(STEP) "schemas for tidy" cmake --build --preset tidy --target stethos_generated_schemas stethos_schemas_v1

dependencies:
	@scripts/install-dependencies.sh
