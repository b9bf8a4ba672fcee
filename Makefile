# What one does with this project; `make` alone lists it. How it all fits together: ARCHITECTURE.md.
PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift
STRIP ?= strip

# Containers, the Rails fixture and the tests need root.
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo -E env "PATH=$(PATH)")

PROGRAM_SOURCES := Package.swift $(shell find Sources -type f) seccomp/default.json
FIXTURES_MAKE := $(MAKE) -s --no-print-directory -C rootfs-fixtures
VERBS = $(filter-out oneoff,$(shell build/oneoff man --list))

C_SOURCES := $(wildcard Sources/CLaunch/*.c)
# GCC takes a descriptor that was checked and cast to a wider type for a sign that may change.
C_WARNINGS := -std=c17 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra -Werror -Wconversion \
	-Wno-sign-conversion -Wswitch-enum
SHELL_SCRIPTS := $(wildcard scripts/*.sh scripts/*/*.sh scripts/*/*/*.sh rootfs-fixtures/*.sh) .ci/run

.DELETE_ON_ERROR:
.PHONY: help build install man completions fixtures fixtures-rails packages demo demo-rails \
	demo-deploy demo-apps test vm-test vm-test-all vm-power torture bench bench-log bench-detached \
	posture fuzz fuzz-coverage lint check-c startup-order generate clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

build: build/oneoff ## build the static program build/oneoff; installs what that needs

# Folding equal functions makes a start shorter, and so does the order, which lays side by side what a
# start touches (docs/decisions/017). The image base keeps addresses and places in
# the file from being equal modulo 2 MiB: the kernel would map huge pages of a file in the page cache,
# and count megabytes that were never touched as the supervisor's.
STARTUP_ORDER := scripts/link/startup-order.txt
SECTIONS := scripts/link/sections.ld
RELEASE_FLAGS := -c release -Xswiftc -static-executable -Xswiftc -use-ld=lld -Xlinker --icf=all \
	-Xlinker --image-base=0x210000 -Xswiftc -Xfrontend -Xswiftc -function-sections \
	-Xlinker --symbol-ordering-file=$(CURDIR)/$(STARTUP_ORDER) -Xlinker --no-warn-symbol-ordering \
	-Xlinker -T -Xlinker $(CURDIR)/$(SECTIONS)

# SwiftPM has the linker leave out unused sections by itself. The one with symbols, for a debugger,
# stays in .build/static/release. SwiftPM does not know of the order, hence the removal.
build/oneoff: $(PROGRAM_SOURCES) $(STARTUP_ORDER) $(SECTIONS)
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build
	@rm -f .build/static/release/oneoff
	$(SWIFT) build $(RELEASE_FLAGS) --scratch-path .build/static --product oneoff
	@mkdir -p build
	$(STRIP) -o $@ .build/static/release/oneoff

install: build man completions ## install program, manual and completions below $(DESTDIR)$(PREFIX)
	install -D -m 0755 build/oneoff "$(DESTDIR)$(PREFIX)/bin/oneoff"
	install -d "$(DESTDIR)$(PREFIX)/share/man/man1"
	install -m 0644 build/man/*.1 "$(DESTDIR)$(PREFIX)/share/man/man1/"
	install -D -m 0644 build/completions/oneoff.bash \
		"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/oneoff"
	install -D -m 0644 build/completions/_oneoff \
		"$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_oneoff"
	install -D -m 0644 build/completions/oneoff.fish \
		"$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/oneoff.fish"

man: build ## write the manual pages build/man/*.1
	@rm -rf build/man && mkdir -p build/man
	@build/oneoff man > build/man/oneoff.1
	@for page in $(VERBS); do \
		build/oneoff man "$${page#oneoff-}" > "build/man/$$page.1" || exit 1; done
	@echo "build/man: $$(ls build/man | wc -l) pages"

completions: build ## write the completions build/completions/*
	@mkdir -p build/completions
	@build/oneoff completions bash > build/completions/oneoff.bash
	@build/oneoff completions zsh > build/completions/_oneoff
	@build/oneoff completions fish > build/completions/oneoff.fish

fixtures: ## build the probe and the tiny root file system of the tests
	+@$(SUDO) $(FIXTURES_MAKE)

# Made by root, so that its files have the owners of a real system.
fixtures-rails: fixtures
	+@$(SUDO) $(FIXTURES_MAKE) rails

packages: ## install the Debian packages that are missing for everything below
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build fixtures rails test bench posture lint

demo: ## run a sample app's hook: once well, once failing, and see that nothing is left
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build fixtures
	+@$(MAKE) -s build fixtures
	@sh scripts/demo.sh

demo-rails: ## migrate a PostgreSQL database from a Rails app's hook, then fail to
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build fixtures rails
	+@$(MAKE) -s build fixtures-rails
	@sh scripts/demo-rails.sh

demo-deploy: ## deploy a Rails app, refuse, retry and roll back, while somebody asks it every 10 ms
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build fixtures rails
	+@$(MAKE) -s build fixtures-rails
	@sh scripts/demo-deploy.sh

demo-apps: ## deploy apps in Node.js, Python and PHP
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build fixtures rails
	+@$(MAKE) -s build fixtures-rails
	@sh scripts/demo-apps.sh

test: ## install what is missing, build everything, and run all tests, as root
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build fixtures rails test
	+@$(MAKE) -s build fixtures-rails build/honcho/bin/honcho
	$(SWIFT) build --build-tests
	$(SUDO) $(SWIFT) test --skip-build --no-parallel
	@sh scripts/demo.sh --check
	@sh scripts/demo-rails.sh --check
	@sh scripts/demo-deploy.sh --check
	@sh scripts/demo-apps.sh --check

# What differs by kernel and by cgroups, in virtual machines: docs/kernels.md.
VARIANT ?= v2
VM_OPTIONS ?=
VM_PARTS = @sh scripts/check-swift.sh && sh scripts/packages.sh build fixtures test vm
CUTS ?= 30

vm-test: ## run the integration tests in a virtual machine: VARIANT=v2, systemd, v1 or newer
	$(VM_PARTS)
	+@$(MAKE) -s build fixtures
	$(SWIFT) build --build-tests
	$(SUDO) python3 scripts/vm/run.py $(VARIANT) $(VM_OPTIONS)

vm-test-all: ## run them in every variant, one after the other, and cut the power
	+@for variant in v2 systemd v1 newer; do \
		$(MAKE) --no-print-directory vm-test VARIANT=$$variant || failed="$$failed $$variant"; \
	done; \
	$(MAKE) --no-print-directory vm-power || failed="$$failed power"; \
	test -z "$$failed" || { echo "vm-test-all: failed:$$failed" >&2; exit 1; }

vm-power: ## cut a machine's power CUTS (30) times while it runs and deploys, and see what is left
	$(VM_PARTS)
	+@$(MAKE) -s build fixtures
	$(SWIFT) build --build-tests
	$(SUDO) python3 scripts/vm/power.py $(CUTS)

# A Procfile's reader that Debian does not have, for the tests of oneoff lint.
build/honcho/bin/honcho: Tests/DeployTests/Platforms/honcho.txt
	@rm -rf build/honcho
	/usr/bin/python3 -m venv build/honcho
	build/honcho/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

# Runs that write known bytes and end at once: whatever they wrote has to be everywhere. And runs in
# which something is killed, stopped or full: their records have to say the truth.
TORTURE_RUNS ?= 10000
CHAOS_RUNS ?= 600
DEPLOYMENT_KILLS ?= 300
torture: ## compare the bytes of 10000 runs, let 600 meet with mishaps, kill 300 deployments
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build fixtures test
	+@$(MAKE) -s build fixtures
	$(SWIFT) build --build-tests
	$(SUDO) env ONEOFF_TORTURE_RUNS=$(TORTURE_RUNS) ONEOFF_CHAOS_RUNS=$(CHAOS_RUNS) \
		ONEOFF_DEPLOYMENT_KILLS=$(DEPLOYMENT_KILLS) \
		$(SWIFT) test --skip-build --no-parallel --filter 'TortureTests|/ChaosTests|DeploymentChaosTests'

# QUICK=1: small numbers, only to see that everything works. ONLY: sections of Benchmarks/bench.py.
BENCH := python3 -B Benchmarks/bench.py $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS))
BENCH_RESULTS = $(if $(QUICK)$(ONLY),build,Benchmarks)/results.md
bench: ## measure oneoff beside its peers, into Benchmarks/results.md
	@sh scripts/packages.sh build fixtures bench
	+@$(MAKE) -s build fixtures
	+@$(MAKE) -s -C Benchmarks/floor
	@$(SUDO) $(BENCH) --results $(BENCH_RESULTS) $(ONLY)

bench-log: ## measure the stored log beside conmon, output beside cat, and logs -f
	@$(MAKE) -s bench ONLY="output log"

bench-detached: ## measure what the supervisors of 100 detached runs take
	@$(MAKE) -s bench ONLY=detached

posture: ## measure what bubblewrap, crun, runc and oneoff leave to a command
	@sh scripts/packages.sh build fixtures posture
	+@$(MAKE) -s build fixtures
	@$(SUDO) sh scripts/posture.sh

# docs/fuzzing.md; TARGET=procfile for one of them.
SECONDS_EACH ?= 60
fuzz: ## fuzz every parser for SECONDS_EACH (60) seconds, or only TARGET
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build
	@sh scripts/fuzz.sh run $(SECONDS_EACH) $(TARGET)

fuzz-coverage: ## state which lines of the parsers the fuzzers' inputs reach
	@sh scripts/check-swift.sh
	@sh scripts/packages.sh build
	@sh scripts/fuzz.sh coverage $(TARGET)

lint: check-c ## check formatting, C warnings and shell scripts
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests
	$(CC) $(C_WARNINGS) -ISources/CLaunch/include $(C_SOURCES)
	$(CC) $(C_WARNINGS) -ISources/CLaunch/include -DCHECKED $(wildcard Benchmarks/floor/*.c)
	shellcheck $(SHELL_SCRIPTS)

check-c: ## run the C child under ASan and UBSan, as root
	@$(SUDO) sh scripts/check-c.sh

startup-order: ## trace a run and a hook anew for the order in which the program is linked (x86-64)
	@sh scripts/packages.sh build fixtures link
	+@$(MAKE) -s build fixtures
	@$(SUDO) sh scripts/link/order.sh .build/static/release/oneoff

generate: ## compile seccomp/default.json to Sources/CLaunch/seccomp_default.h
	$(SWIFT) run seccomp-generate

clean: ## remove everything that was built
	@rm -rf .build 2>/dev/null || $(SUDO) rm -rf .build
	@rm -rf build 2>/dev/null || $(SUDO) rm -rf build
