#!/usr/bin/env bash
# Checks the form of the code in the modules given: gofmt, go vet, staticcheck.
set -euo pipefail
cd "$(dirname "$0")/.."

export CGO_ENABLED=0 GOFLAGS=-trimpath GOWORK=off
unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l)
if [ -n "$unformatted" ]; then
	echo "not in gofmt's form; run gofmt -w on:" $unformatted >&2
	exit 1
fi
hack/compiling.sh staticcheck go build -v -modfile=hack/tools/go.mod -o bin/staticcheck honnef.co/go/tools/cmd/staticcheck
for module in "$@"; do
	echo "lint of $module (a first run looks at every dependency, for some minutes)"
	packages=./...
	# These two only call Kubernetes and the registry, whose source would all be analysed with them.
	[ "$module" != test/lab ] || packages="./cmd/lab ./cmd/pause ./internal/... ."
	tags=
	[ "$module" != . ] || tags=-tags=e2e,bench
	(
		cd "$module"
		# shellcheck disable=SC2086 # one word per package is meant
		go vet $tags ./...
		# shellcheck disable=SC2086
		"$OLDPWD/bin/staticcheck" $tags -checks 'all,-ST1000' $packages
	)
done
