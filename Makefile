# Everything a developer does here, by name. `make help` lists it.
SHELL := /bin/bash
GO ?= go
BIN := bin/tutti
FUNCTIONS := $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
# The architecture that functions are deployed on; the CDK configuration says the same.
FUNCTION_ARCH ?= arm64
# Identical sources give identical binaries: no paths, no version control stamp, no build id.
FUNCTION_FLAGS := -tags lambda.norpc -trimpath -buildvcs=false -ldflags "-s -w -buildid="
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ERRCHECK := github.com/kisielk/errcheck@v1.20.0
INEFFASSIGN := github.com/gordonklaus/ineffassign@v0.2.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.DEFAULT_GOAL := help
.PHONY: help build run dev test lint synth deploy bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/tutti, which needs no C library
	@CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/tutti

run: build ## run the workflow endpoint-watch once, here, with real functions
	@$(BIN) run endpoint-watch --input events/endpoint-watch.json --demo $(ARGS)
	@echo >&2
	@echo >&2 "Try next: 'make run' again, killed with pkill -9 -f 'tutti run' while it retries, and once more after that;"
	@echo >&2 "          'make dev', and in another terminal 'bin/tutti ls endpoint-watch'; 'bin/tutti --help'."

dev: build ## serve functions, state machines and schedules until Ctrl-C
	@$(BIN) dev --demo $(ARGS)

test: ## test both modules (infra needs Node)
	$(GO) test -race -timeout 20m ./...
	@cd infra && CDK_VALIDATION=false $(GO) test -timeout 20m ./...

lint: ## gofmt, go vet, staticcheck (with unused), errcheck, ineffassign, govulncheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(ERRCHECK) ./...
	$(GO) run $(INEFFASSIGN) ./...
	cd infra && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...
	@$(MAKE) --no-print-directory vulnerabilities

# govulncheck needs the vulnerability database on the network. Where that cannot be reached, the check says so and does not fail.
.PHONY: vulnerabilities
vulnerabilities:
	@out=$$($(GO) run $(GOVULNCHECK) ./... 2>&1); code=$$?; \
	if [ $$code -eq 0 ]; then echo "govulncheck: nothing found"; \
	elif grep -qiE 'vuln.go.dev|no such host|dial tcp|403|forbidden' <<<"$$out"; then echo "govulncheck: skipped, the vulnerability database cannot be reached from here"; \
	else echo "$$out"; exit $$code; fi

# What CDK deploys: a folder a function that holds nothing but bootstrap.
.PHONY: functions
functions:
	@for name in $(FUNCTIONS); do mkdir -p dist/functions/$$name && \
	  CGO_ENABLED=0 GOOS=linux GOARCH=$(FUNCTION_ARCH) $(GO) build $(FUNCTION_FLAGS) -o dist/functions/$$name/bootstrap ./functions/$$name || exit 1; done

node_modules: package-lock.json
	npm ci --no-audit --no-fund
	@touch node_modules

synth: functions node_modules ## synthesize the CloudFormation template into cdk.out
	npx cdk synth --quiet

deploy: functions node_modules ## deploy to the AWS account of the environment
	npx cdk deploy --all

bench: ## the benchmarks behind docs/performance.md (with Node, JSONata beside its reference implementation)
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node_modules || echo "npm cannot install the reference implementation: its comparison is skipped"; fi
	$(GO) test -run '^$$' -bench . -benchmem ./internal/... ./cmd/tutti

clean: ## remove what can be made again (not .tutti, where executions live)
	rm -rf bin dist cdk.out
