#!/usr/bin/env bash
# Makes a release of what is here in dist, without a tag, signatures and GitHub. Further words go to GoReleaser.
set -euo pipefail
cd "$(dirname "$0")/../.."

hack/release/tools.sh goreleaser syft
# GoReleaser calls syft by its name. One platform is compiled after another, each with all processors.
exec env PATH="$PWD/bin:$PATH" bin/goreleaser release --snapshot --clean --parallelism 1 --skip=sign --timeout 2h "$@"
