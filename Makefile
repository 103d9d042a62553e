# Everything a developer or an administrator types. Each target installs what it needs first.
.PHONY: run test lint format build build-tests install clean packages unit end-to-end soak sweep mutants crash-points \
	simulations stop bench drawing versions

CONFIGURATION = release

build: packages
	swift build -c $(CONFIGURATION)

# Installs what `make build` has built: below DESTDIR where one is given, to be copied to hosts from there. The unit and
# the rule for sudo name /usr/bin.
DESTDIR =
PREFIX = /usr

install:
	scripts/install .build/$(CONFIGURATION) "$(DESTDIR)$(PREFIX)"

# Builds and starts three members on 127.0.0.1, .2 and .3, and says what to try.
run: build
	scripts/local-cluster start

# Ends the members that `make run` started.
stop:
	scripts/local-cluster stop

test: lint unit simulations end-to-end

lint: packages
	swift format lint --strict --recursive --parallel Sources Simulations Benchmarks Tests Package.swift
	scripts/rooms --check

# The picture of the modules in docs/architecture.md.
drawing:
	scripts/install-packages graphviz
	scripts/rooms --draw

format:
	swift format --in-place --recursive --parallel Sources Simulations Benchmarks Tests Package.swift

# All that the tests are and use, in one build: one for each product would build much of it again.
build-tests: packages
	swift build -c $(CONFIGURATION) --build-tests

unit: build-tests
	swift test -c $(CONFIGURATION) --skip-build

# How many processes the end-to-end tests are spread over: most of the time they wait. Then come those that have to be
# alone on the machine, one after the other.
PROCESSES = 4
SUITE = not soak and not versions

end-to-end: build-tests
	.venv/bin/python -m pytest Tests/EndToEnd -m "$(SUITE) and not alone" --numprocesses $(PROCESSES)
	.venv/bin/python -m pytest Tests/EndToEnd -m "$(SUITE) and alone"

# Crash points in the short form, and mistakes that the enumerator must notice. Scenarios and seeds are unit tests.
SIMULATE = .build/$(CONFIGURATION)/fastx-simulate

simulations: build-tests
	scripts/build-storage-shim
	$(SIMULATE) sweep --seeds 1..500
	printf '%s\n' 1..50 51..100 | xargs -n 1 -P 2 $(SIMULATE) relay --json --seed > /dev/null
	$(SIMULATE) crash-points --image-count-max 20000
	$(SIMULATE) crash-points --image-count-max 4000 --mistake without-syncs --json > /dev/null
	$(SIMULATE) crash-points --image-count-max 4000 --mistake early-acknowledgement --json > /dev/null
	$(SIMULATE) crash-points --image-count-max 4000 --mistake without-directory-syncs --json > /dev/null

# The long forms of the simulator: the sweep takes two hours or so, the mutants and the crash points ten minutes each.
sweep: packages
	swift build -c $(CONFIGURATION) --product fastx-simulate
	$(SIMULATE) sweep --seeds 1..100000 --coverage .build/coverage.md

mutants: packages
	swift build -c $(CONFIGURATION) --product fastx-simulate
	$(SIMULATE) mutants

crash-points: packages
	scripts/build-storage-shim
	swift build -c $(CONFIGURATION) --product fastx-simulate
	$(SIMULATE) crash-points

# The long forms of the end-to-end tests: two hours or so. scripts/build-storage-shim is called by the tests themselves.
soak: packages
	swift build -c $(CONFIGURATION) --product fastx-agent
	.venv/bin/python -m pytest Tests/EndToEnd -m soak

# Whether members of this version and of another one, OTHER, get on: each of them runs every second member of the tests.
OTHER =
VERSIONS_TESTS = convergence crashes external logins partitions relay_links rotation session_survival sessions \
	through_members versions

versions: build
	@test -x "$(OTHER)" || { echo "say make versions OTHER=/path/of/another/fastx-agent" >&2; exit 2; }
	FASTX_OTHER_AGENT="$(abspath $(OTHER))" .venv/bin/python -m pytest \
		$(VERSIONS_TESTS:%=Tests/EndToEnd/test_%.py) -m "not soak and not alone" --numprocesses $(PROCESSES)
	FASTX_OTHER_AGENT="$(abspath $(OTHER))" .venv/bin/python -m pytest Tests/EndToEnd/test_global_configuration.py -m versions

# The last two compare the gateway with other programs, in turn. Installing nginx may start its service on port 80.
bench: build
	scripts/install-packages nginx haproxy
	.build/$(CONFIGURATION)/fastx-bench store
	.build/$(CONFIGURATION)/fastx-bench sync
	.build/$(CONFIGURATION)/fastx-bench proxy --peers
	.build/$(CONFIGURATION)/fastx-bench relay --peers

packages:
	@scripts/install-packages

clean: stop
	rm -rf .build .run .venv
