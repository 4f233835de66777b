#!/usr/bin/env bash
# Checks the form of the code in the modules given: gofmt, go vet, staticcheck; and the workflows of GitHub.
set -euo pipefail
cd "$(dirname "$0")/.."

export CGO_ENABLED=0 GOFLAGS=-trimpath GOWORK=off
unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l)
if [ -n "$unformatted" ]; then
	echo "not in gofmt's form; run gofmt -w on:" $unformatted >&2
	exit 1
fi
hack/release/tools.sh actionlint
# What it would call on top may be on the machine or not, and then it would find more on some machines.
bin/actionlint -shellcheck= -pyflakes=
# A tag can be moved to other code, a commit cannot.
if loose=$(grep -rnE 'uses:' .github/workflows | grep -vE 'uses: [^ ]+@[0-9a-f]{40} # v[0-9]'); then
	printf 'pin these to a commit, and name its version in a comment:\n%s\n' "$loose" >&2
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
	[ "$module" != hack/krew ] || tags=-tags=release
	(
		cd "$module"
		# shellcheck disable=SC2086 # one word per package is meant
		go vet $tags ./...
		# shellcheck disable=SC2086
		"$OLDPWD/bin/staticcheck" $tags -checks 'all,-ST1000' $packages
		# What is for the machine's own platform alone would be found by nobody before a release. With tags the tests
		# are for Linux.
		[ "$module" != . ] || GOOS=windows go vet ./...
	)
done
