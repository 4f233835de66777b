#!/usr/bin/env bash
# Makes a Python virtual environment with moto's server under bin/moto, where the local AWS looks for it first.
set -euo pipefail
cd "$(dirname "$0")/../../.."

version=5.2.1
if bin/moto/bin/python -c "import importlib.metadata as m, sys; sys.exit(m.version('moto') != '$version')" 2>/dev/null; then
	exit 0
fi
echo "installing moto $version under bin/moto"
rm -rf bin/moto
python3 -m venv bin/moto
bin/moto/bin/python -m pip install --quiet --disable-pip-version-check "moto[server]==$version"
