#!/usr/bin/env bash
# Runs the end-to-end tests in groups side by side: those that share one lab, one after another, in two
# halves, and those that break things on labs of their own. With -apart only the last. A lab takes about
# two thirds of a processor while it is worked on, so more groups would only take it from each other.
set -euo pipefail
cd "$(dirname "$0")/.."

export GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0
# Each of these tests starts its own lab; those of the second kind sleep nearly all the time.
apart='^Test(Crash|Faulty|NoPod|Two|InstallAndUninstall)'
sleepy='^TestSlow'
# By their names, about half of the others' time.
half='^Test[A-LR]'
hack/compiling.sh "the end-to-end tests" go test -v -tags e2e -c -o bin/e2e.test ./test/e2e
limit=60m
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=0 running=() names=()
# start runs some of the tests beside the others, and keeps what they print until they have ended.
start() {
	local name=$1
	shift
	(cd test/e2e && ../../bin/e2e.test -test.v -test.timeout "$limit" "$@") >"$logs/$name" 2>&1 &
	running+=($!) names+=("$name")
}
if [ "${1:-}" = -apart ]; then
	limit=240m
else
	start shared -test.skip "$apart|$sleepy|$half"
	start half -test.run "$half" -test.skip "$apart|$sleepy"
fi
start apart -test.run "$apart" -test.parallel 2
start sleepy -test.run "$sleepy" -test.parallel 4
for n in "${!running[@]}"; do
	echo "waiting for the tests of the group ${names[$n]}"
	wait "${running[$n]}" || failed=1
	cat "$logs/${names[$n]}"
done
exit "$failed"
