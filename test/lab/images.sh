#!/bin/sh
# Makes the lab's image tarballs in the folder $1 with the lab program $2 and the stand-in sensor's two
# programs $3 and $4: the stand-in sensor itself, and a small image with a real bash for the pods that it is to protect.
set -eu

out=$1 lab=$2 standin=$3 pod=$4
mkdir -p "$out"
title=org.opencontainers.image.title
note=org.opencontainers.image.description

links=
for name in injector installer; do links="$links --link /usr/bin/$name=falcon-standin"; done
for name in falconctl sensor falcon-init falcon-entrypoint; do links="$links --link /usr/bin/$name=falcon-pod"; done
# shellcheck disable=SC2086 # one flag per word is meant
"$lab" pack-image -o "$out/falcon-sensor-standin.tar" --tag falcon-sensor-standin:7.40.0 \
	--label "$title=Stand-in for a Falcon Container sensor" \
	--label "$note=An approximation made by the kubectl-falcon project for its tests; not a CrowdStrike product." \
	--env PATH=/usr/bin:/bin --dir /tmp=1777 $links \
	--text "/etc/passwd=root:x:0:0:root:/:/bin/false
" \
	--entrypoint installer "$standin=/usr/bin/falcon-standin" "$pod=/usr/bin/falcon-pod"

# bash and busybox come out of Debian's packages without being installed on this machine.
shell=$out/shell.tar
[ -e "$shell" ] && exit 0
if ! command -v apt-get >/dev/null; then
	echo "the lab's shell image is made of Debian's packages bash-static and busybox-static, which need apt-get" >&2
	exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
log=$work/log
fetch() { (cd "$work" && apt-get download bash-static busybox-static) >>"$log" 2>&1; }
# A machine whose package lists are old or absent needs them once.
if ! fetch && ! { apt-get update >>"$log" 2>&1 && fetch; }; then
	tail -n 15 "$log" >&2
	echo "apt-get could not download bash-static and busybox-static" >&2
	exit 1
fi
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
busybox=$(find "$work/root" -type f -perm -100 -name busybox | head -n 1)
bash=$(find "$work/root" -type f -perm -100 -name bash-static | head -n 1)
applets=$("$busybox" --list)
links=
for applet in $applets; do
	case $applet in bash | busybox) ;; *) links="$links --link /bin/$applet=busybox" ;; esac
done
# shellcheck disable=SC2086
"$lab" pack-image -o "$shell" --tag shell:lab --label "$title=bash and busybox, for the lab's pods" \
	--env PATH=/bin --dir /tmp=1777 $links --link /usr/bin=../bin --text "/etc/passwd=root:x:0:0:root:/:/bin/bash
" --entrypoint /bin/bash "$bash=/bin/bash" "$busybox=/bin/busybox"
