#!/usr/bin/env bash
# Writes what an archive has beside the program, under bin/release: completions, man pages and the licences of
# the dependencies. GoReleaser runs it before it builds; the word is the commit's date, in RFC 3339.
set -euo pipefail
cd "$(dirname "$0")/../.."

export CGO_ENABLED=0 GOFLAGS=-trimpath GOWORK=off
out=bin/release
rm -rf "$out"
mkdir -p "$out/man" "$out/completions"
hack/compiling.sh "the plugin" go build -v -trimpath -buildvcs=false -ldflags "-s -w" -o "$out/kubectl-falcon" ./cmd/kubectl-falcon
for shell in bash zsh fish; do
	"$out/kubectl-falcon" completion "$shell" >"$out/completions/kubectl-falcon.$shell"
done
"$out/kubectl-falcon" completion powershell >"$out/completions/kubectl-falcon.ps1"
rm "$out/kubectl-falcon"
go run ./hack/man -date "$1" "$out/man"
go run ./hack/licences -texts "$out/THIRD_PARTY_LICENSES"
