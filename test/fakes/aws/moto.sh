#!/usr/bin/env bash
# Makes sure that there is moto's server, which answers for AWS in tests: where the machine's python3 has it, that
# is taken, else it is installed in a virtual environment under bin/moto. Prints nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/../../.."

version=5.2.1
for python in bin/moto/bin/python python3; do
	if "$python" -c "import importlib.metadata as m, sys; sys.exit(m.version('moto') != '$version')" 2>/dev/null; then
		exit 0
	fi
done
echo "installing moto $version under bin/moto" >&2
rm -rf bin/moto
python3 -m venv bin/moto || {
	rm -rf bin/moto
	echo "python3 cannot make a virtual environment (Debian and Ubuntu: apt-get install python3-venv)" >&2
	exit 1
}
bin/moto/bin/python -m pip install --quiet --disable-pip-version-check "moto[server]==$version"
