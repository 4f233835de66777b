#!/usr/bin/env bash
# Runs the end-to-end tests: those that share one lab, one after another, in two halves, and beside them
# those that break things on labs of their own. All of them mostly wait. With -apart only the last.
set -euo pipefail
cd "$(dirname "$0")/.."

export GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0
# Each of these tests starts its own lab.
apart='^Test(Crash|Faulty|Slow|NoPod|Two|InstallAndUninstall)'
# By their names, about half of the others' time.
half='^Test[A-LR]'
hack/compiling.sh "the end-to-end tests" go test -v -tags e2e -c -o bin/e2e.test ./test/e2e
run() { (cd test/e2e && ../../bin/e2e.test -test.v -test.timeout "$limit" "$@"); }
limit=60m
if [ "${1:-}" = -apart ]; then
	limit=150m
	run -test.run "$apart"
	exit
fi
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
run -test.run "$apart" >"$logs/apart" 2>&1 &
breaking=$!
run -test.run "$half" -test.skip "$apart" >"$logs/half" 2>&1 &
first=$!
failed=0
run -test.skip "$apart|$half" || failed=1
echo "waiting for the other tests"
wait "$first" || failed=1
cat "$logs/half"
wait "$breaking" || failed=1
cat "$logs/apart"
exit "$failed"
