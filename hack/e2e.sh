#!/usr/bin/env bash
# Runs the end-to-end tests in three groups side by side: those that share one lab, one after another, in
# two halves, and those that break things on labs of their own. A lab takes more than half of a processor
# while it is worked on, so more groups would only take it from each other. With -apart it runs all that
# break things, among them those that take too long for every run.
set -euo pipefail
cd "$(dirname "$0")/.."

export GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0
# Each of these tests starts its own lab; those of the second kind have a target of their own.
apart='^Test(Gallery|CrashInstall|CrashUpgrade|CrashRotate|NoPod|Two|InstallAndUninstall)'
long='^Test(CrashAdopt|CrashOptions|Faulty|Slow)'
# By their names, about half of the others' time.
half='^Test([A-L]|Re[ns]|Ro)'
hack/compiling.sh "the end-to-end tests" go test -v -tags e2e -c -o bin/e2e.test ./test/e2e
limit=60m
logs=$(mktemp -d)
failed=0 running=() names=()
# progress says every minute how far they are, since what they print comes when a group has ended.
progress() {
	while sleep 60 >/dev/null 2>&1; do
		echo "$(cat "$logs"/* | grep -c '^--- PASS') tests passed, $(cat "$logs"/* | grep -c '^--- FAIL') failed so far"
	done
}
progress &
counting=$!
trap 'kill "$counting"; rm -rf "$logs"' EXIT
# start runs some of the tests beside the others, and keeps what they print until they have ended.
start() {
	local name=$1
	shift
	(cd test/e2e && ../../bin/e2e.test -test.v -test.timeout "$limit" "$@") >"$logs/$name" 2>&1 &
	running+=($!) names+=("$name")
}
if [ "${1:-}" = -apart ]; then
	limit=240m
	start breaking -test.run "$apart|$long|^TestUpAndDown" -test.parallel 4
else
	start shared -test.skip "$apart|$long|$half"
	start half -test.run "$half" -test.skip "$apart|$long"
	start breaking -test.run "$apart" -test.parallel 1
	echo "left to make crash: every fault at every point, taking over, options, bad connections, slow servers"
fi
for n in "${!running[@]}"; do
	echo "waiting for the tests of the group ${names[$n]}"
	wait "${running[$n]}" || failed=1
	cat "$logs/${names[$n]}"
done
exit "$failed"
