#!/usr/bin/env bash
# Runs the main job of kubectl falcon on a real cluster on this machine, as a user would type it. If $2 is
# not empty the lab stays up afterwards, under the name $1. `make try` has built everything before.
set -euo pipefail
cd "$(dirname "$0")/.."

keep=${2:-}
# Without KEEP the lab is this run's own, so that two runs do not meet.
lab=$1-$$
[ -z "$keep" ] || lab=$1
registry=10.244.0.1:5000
programs=$(bin/lab build)
# kubectl finds the plugin on PATH, and both keep their caches out of the home folder.
export PATH=$PWD/bin:$programs:$PATH
scratch=$(mktemp -d)
export KUBECACHEDIR=$scratch

finish() {
	code=$?
	rm -rf "$scratch"
	if [ "$code" != 0 ]; then
		echo
		echo "make try did not get through (exit code $code)." >&2
	fi
	if [ -z "$keep" ]; then
		bin/lab down --name "$lab"
	elif [ "$code" != 0 ] && bin/lab kubeconfig --name "$lab" >/dev/null 2>&1; then
		echo "The lab stays up; look around, then: make lab-down NAME=$lab" >&2
	fi
}

step() { printf '\n# %s\n' "$*"; }

# run prints a command as it is typed and then runs it.
run() {
	printf '$ %s\n' "$1"
	eval "$1"
}

step "A real one-node Kubernetes on this machine"
trap finish EXIT
trap 'exit 130' INT TERM
bin/lab up --name "$lab" --load bin/images/falcon-sensor-standin.tar,bin/images/shell.tar >"$scratch/export"
KUBECONFIG=$(bin/lab kubeconfig --name "$lab")
export KUBECONFIG
run 'kubectl get nodes'

step "Install the injector (the sensor image is a stand-in, see README)"
run "kubectl falcon install --cid 0123456789ABCDEF0123456789ABCDEF-12 \\
    --image $registry/falcon-sensor-standin:7.40.0"
run 'kubectl falcon verify'

step "Start an ordinary Deployment: its pod comes up 2/2, with the sensor beside it"
run "kubectl create deployment web --image=$registry/pause:lab"
run 'kubectl rollout status deployment/web --timeout=60s'
run 'kubectl get pods'
run 'POD=$(kubectl get pods -l app=web -o name)'
run 'kubectl falcon aid $POD --wait --timeout=60s'

step "Run the guide's detection"
run "kubectl falcon demo --image $registry/shell:lab"
run 'kubectl falcon verify'
run 'kubectl falcon status'

step "Uninstall, and show that nothing is left"
run 'kubectl falcon demo clean'
run 'kubectl delete deployment web'
run 'kubectl falcon uninstall'
run 'kubectl get namespaces'
run 'kubectl get mutatingwebhookconfigurations'
run 'kubectl falcon status'

if [ -n "$keep" ]; then
	echo
	echo "The lab stays up. To use it from this shell:"
	echo "  export KUBECONFIG=$KUBECONFIG"
	echo "  export PATH=$PWD/bin:$programs:\$PATH"
	echo "To remove it: make lab-down NAME=$lab"
else
	echo
	echo "Done; the lab is taken down. make try KEEP=1 leaves it up."
fi
