#!/usr/bin/env bash
# Runs a go command that compiles (the words after the first) and says every 15 seconds how far it is with
# what the first word names. The command must have -v, by which go names each package as it compiles it.
# A warm run prints nothing.
set -euo pipefail

what=$1
shift

# progress counts the names and passes everything else on.
progress() {
	local line status modules=0 packages=0 next=0
	while true; do
		status=0
		IFS= read -r -t 15 line || status=$?
		# Above 128 it was the clock: the compiler has named nothing new, so it is linking.
		if [ "$status" -gt 128 ]; then
			[ "$next" = 0 ] || echo "  $what: $packages packages compiled, linking"
			continue
		fi
		[ "$status" = 0 ] || break
		case $line in
		"go: downloading "*) modules=$((modules + 1)) ;;
		*[!A-Za-z0-9._~/+-]*)
			printf '%s\n' "$line"
			continue
			;;
		*) packages=$((packages + 1)) ;;
		esac
		if [ "$next" = 0 ]; then
			echo "compiling $what"
			next=$((SECONDS + 15))
		elif [ "$SECONDS" -ge "$next" ]; then
			echo "  $what: $packages packages compiled, $modules modules downloaded"
			next=$((SECONDS + 15))
		fi
	done
}

{ "$@" 2>&1 >&3 | progress >&2; } 3>&1
