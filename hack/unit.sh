#!/usr/bin/env bash
# Runs the unit tests of the modules given, with the race detector.
set -euo pipefail
cd "$(dirname "$0")/.."

# The race detector needs cgo.
export CGO_ENABLED=1 GOFLAGS=-trimpath GOWORK=off
for module in "$@"; do
	echo "unit tests of $module"
	packages=./...
	# These two only call Kubernetes and the registry, and have no tests.
	[ "$module" != test/lab ] || packages="./cmd/lab ./internal/... ."
	# What the tests need is compiled apart, since go test compiles in silence.
	# shellcheck disable=SC2086 # one word per package is meant
	needed=$(go list -C "$module" -race -deps -test -f '{{if not .ForTest}}{{.ImportPath}}{{end}}' $packages | grep -v '\.test$')
	# shellcheck disable=SC2086
	hack/compiling.sh "for the race detector" go build -C "$module" -race -v -buildvcs=false $needed
	# shellcheck disable=SC2086
	go test -C "$module" -race -buildvcs=false -timeout 30m $packages
done
