#!/usr/bin/env bash
# Builds the programs named, of those with which releases are made and tested, into bin. Each has a module of
# its own, since together they need more than the plugin does. A warm run takes a second for each.
set -euo pipefail
cd "$(dirname "$0")/../.."

export CGO_ENABLED=0 GOFLAGS=-trimpath GOWORK=off
for tool in "$@"; do
	case $tool in
	goreleaser) module=hack/tools/goreleaser package=github.com/goreleaser/goreleaser/v2 ;;
	syft) module=hack/tools/syft package=github.com/anchore/syft/cmd/syft ;;
	krew | validate-krew-manifest) module=hack/krew package=sigs.k8s.io/krew/cmd/$tool ;;
	actionlint) module=hack/tools/check package=github.com/rhysd/actionlint/cmd/actionlint ;;
	govulncheck) module=hack/tools/check package=golang.org/x/vuln/cmd/govulncheck ;;
	*)
		echo "there is no tool $tool" >&2
		exit 2
		;;
	esac
	hack/compiling.sh "$tool" go build -C "$module" -v -buildvcs=false -ldflags "-s -w" -o "$PWD/bin/$tool" "$package"
done
