#!/usr/bin/env bash
# Makes a release of what is here in dist, without a tag, signatures and GitHub. Further words go to GoReleaser.
set -euo pipefail
cd "$(dirname "$0")/../.."

hack/release/tools.sh goreleaser syft
# Of a checkout without a remote GoReleaser knows neither commit nor date. This names it for this run alone.
if [ -z "$(git remote)" ]; then
	export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=https://github.com/kubectl-falcon/kubectl-falcon
fi
# GoReleaser calls syft by its name. One platform is compiled after another, each with all processors.
exec env PATH="$PWD/bin:$PATH" bin/goreleaser release --snapshot --clean --parallelism 1 --skip=sign --timeout 2h "$@"
