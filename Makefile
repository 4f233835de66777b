# Everything a user or a CI run does with this repository. `make help` lists it.

GO      ?= go
PREFIX  ?= /usr/local
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
NAME    ?= try
DELAY   ?= 20s
CLUSTER ?= demo

# The same flags everywhere, so that the modules share what the compiler has cached.
BUILD    = env CGO_ENABLED=0 GOFLAGS= GOWORK=off $(GO) build -C $(1) -v -trimpath -buildvcs=false
LDFLAGS := -s -w
# What version says of the source; the date is the commit's, so that two builds of a commit are the same file.
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
DATE    ?= $(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null)
DIRTY   ?= $(shell git status --porcelain 2>/dev/null | grep -q . && echo true || echo false)
WHERE   := github.com/kubectl-falcon/kubectl-falcon/pkg/plugin
STAMP    = -X $(WHERE).releaseVersion=$(VERSION) -X $(WHERE).releaseCommit=$(COMMIT) -X $(WHERE).releaseDate=$(DATE) -X $(WHERE).releaseDirty=$(DIRTY)
MODULES := . test/lab test/sensor test/formats hack/krew

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: build
build: ## Build the plugin at bin/kubectl-falcon
	@hack/compiling.sh "the plugin" $(call BUILD,.) -ldflags "$(LDFLAGS) $(STAMP)" -o bin/kubectl-falcon ./cmd/kubectl-falcon

.PHONY: install
install: build ## Install the plugin for kubectl (PREFIX=/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 bin/kubectl-falcon $(DESTDIR)$(PREFIX)/bin/kubectl-falcon

.PHONY: try
try: root build lab-build ## Run the whole job on a real cluster on this machine (KEEP=1 leaves it up)
	@hack/try.sh $(NAME) $(KEEP)

.PHONY: test
test: root build lab-build lint unit e2e ## Run every test
	@echo "all tests passed"

.PHONY: lint
lint: packages ## gofmt, go vet and staticcheck on every module, and GitHub's workflows
	@hack/lint.sh $(MODULES)

.PHONY: unit
unit: packages moto ## Run the unit tests with the race detector
	@hack/unit.sh $(MODULES)

.PHONY: e2e
e2e: root build lab-build moto ## Run the end-to-end tests of the built plugin on a lab of their own
	@hack/e2e.sh

.PHONY: crash
crash: root build lab-build moto ## Run the tests that break things with every fault at every point, for more than an hour
	@FALCON_E2E_FULL=1 hack/e2e.sh -apart

.PHONY: docs
docs: ## Write the pages of docs that come from the commands themselves
	@GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0 $(GO) run ./hack/docs
	@GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0 $(GO) run ./hack/licences

.PHONY: vuln
vuln: ## Look for known vulnerabilities in what the plugin calls (asks vuln.go.dev)
	@hack/release/tools.sh govulncheck
	@GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0 bin/govulncheck ./cmd/kubectl-falcon

.PHONY: release-snapshot
release-snapshot: ## Make all files of a release in dist, without tag and signature (long: six platforms)
	@hack/release/snapshot.sh

.PHONY: release-test
release-test: root lab-build release-snapshot ## Make a release twice and compare; have krew and kubectl install it
	@hack/release/tools.sh krew validate-krew-manifest
	@PATH="$$(bin/lab build):$$PATH" GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0 $(GO) test -C hack/krew -tags release -count=1 -timeout 3h -v .
	@PATH="$$(bin/lab build):$$PATH" GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0 $(GO) run -C hack/krew . -template ../../.krew.yaml -archives ../../dist -index ../../dist/index
	@echo "an index with the plugin, to be committed to a repository of its own: dist/index"

.PHONY: bench
bench: build lab-build ## Measure against named peers
	@hack/docker.sh
	@GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0 $(GO) test -tags bench -count=1 -run '^$$' -bench . ./test/bench/...

.PHONY: lab-program
lab-program:
	@hack/compiling.sh "the lab program" $(call BUILD,test/lab) -ldflags "$(LDFLAGS)" -o $(CURDIR)/bin/lab ./cmd/lab

.PHONY: lab-build
lab-build: packages lab-program ## Compile the lab's cluster and make its images (once per version)
	@bin/lab build >/dev/null
	@hack/compiling.sh "the stand-in sensor" $(call BUILD,test/sensor) -ldflags "$(LDFLAGS)" -o $(CURDIR)/bin/ ./cmd/falcon-standin ./cmd/falcon-pod
	@ln -sf falcon-standin bin/installer
	@test/lab/images.sh bin/images bin/lab bin/falcon-standin bin/falcon-pod

.PHONY: lab-up
lab-up: root lab-build ## Start a lab cluster (NAME=try)
	@bin/lab up --name $(NAME) --load bin/images/falcon-sensor-standin.tar,bin/images/shell.tar

.PHONY: lab-down
lab-down: ## Remove the lab cluster (NAME=try) without a trace
	@[ -x bin/lab ] || $(MAKE) --no-print-directory lab-program
	@bin/lab down --name $(NAME)

.PHONY: root
root:
	@[ "$$(uname -s)/$$(id -u)" = Linux/0 ] || { echo "the lab needs Linux and root; without them use the plugin with any kubeconfig (kind, k3d, minikube, EKS)" >&2; exit 1; }

.PHONY: packages
packages:
	@hack/packages.sh

.PHONY: fake-falcon
fake-falcon: ## Serve a stand-in of the Falcon API here, to try commands without a subscription (DELAY=20s)
	@GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0 $(GO) run ./test/fakes/fakefalcon -delay $(DELAY)

.PHONY: moto
moto: ## Install moto, which answers for AWS in tests, under bin/moto if it is missing
	@test/fakes/aws/moto.sh

.PHONY: fake-aws
fake-aws: moto ## Serve a stand-in of AWS here, to try commands without an account (CLUSTER=demo is there)
	@GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0 $(GO) run ./test/fakes/fakeaws -cluster $(CLUSTER)

.PHONY: clean
clean: ## Remove what was built here; the lab's compiled programs stay in their cache
	rm -rf bin dist
