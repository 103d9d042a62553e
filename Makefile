# Everything a developer or an administrator types. Each target installs what it needs first.
.PHONY: run test lint format build clean packages unit end-to-end stop bench

CONFIGURATION = release

build: packages
	swift build -c $(CONFIGURATION)

# Builds and starts three members on 127.0.0.1, .2 and .3, and says what to try.
run: build
	scripts/local-cluster start

# Ends the members that `make run` started.
stop:
	scripts/local-cluster stop

test: lint unit end-to-end

lint: packages
	swift format lint --strict --recursive --parallel Sources Benchmarks Tests Package.swift

format:
	swift format --in-place --recursive --parallel Sources Benchmarks Tests Package.swift

unit: packages
	swift build -c $(CONFIGURATION) --build-tests
	swift test -c $(CONFIGURATION) --skip-build

end-to-end: packages
	swift build -c $(CONFIGURATION) --product fastx-agent
	.venv/bin/python -m pytest Tests/EndToEnd

bench: build
	.build/$(CONFIGURATION)/fastx-bench store
	.build/$(CONFIGURATION)/fastx-bench sync

packages:
	@scripts/install-packages

clean: stop
	rm -rf .build .run .venv
