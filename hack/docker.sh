#!/usr/bin/env bash
# Unpacks Debian's Docker under bin/docker, as a peer of the benchmarks. It is not installed, because then it
# would start with the machine and change its firewall. Where it cannot be had, the benchmark says so.
set -euo pipefail
cd "$(dirname "$0")/.."

[ ! -x bin/docker/usr/sbin/dockerd ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "no apt-get here: pushing is not compared with Docker" >&2
	exit 0
fi
echo "fetching Debian's docker.io, a peer of the benchmarks" >&2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# Debian's programs of a user of its own fetch packages, and may not write into this folder else.
chmod 755 "$dir"
if ! (cd "$dir" && apt-get download docker.io containerd) >"$dir/log" 2>&1; then
	tail -n 5 "$dir/log" >&2
	echo "docker.io cannot be fetched: pushing is not compared with Docker" >&2
	exit 0
fi
mkdir -p bin/docker
for package in "$dir"/*.deb; do
	dpkg-deb -x "$package" bin/docker
done
