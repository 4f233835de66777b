#!/bin/sh
# Makes sure that the Debian packages which the tests and the lab need are there, and installs what is
# missing. Prints nothing when nothing is missing.
set -eu

missing=
# Three are for the tests of the report's formats: Chromium with a font, and xmllint. skopeo pulls what was
# pushed and is a peer of the benchmarks, to which bzip2 gives a tarball like the vendor's. strace shows what the
# plugin connects to. The shells and tmux are for the tests that type TAB.
for package in gcc libc6-dev pkg-config libseccomp-dev chromium fonts-dejavu-core libxml2-utils skopeo bzip2 strace \
	tmux zsh fish bash-completion; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
	echo "missing packages, install them first:$missing (Debian and Ubuntu: apt-get install$missing)" >&2
	exit 1
fi
echo "installing Debian packages:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # one word per package is meant
if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 15 "$log" >&2
	echo "apt-get could not install:$missing; install them by hand, then run make again" >&2
	exit 1
fi
