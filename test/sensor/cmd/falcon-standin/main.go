// Command falcon-standin is the stand-in sensor image's programs that know Kubernetes, in one binary: it
// acts by the name it is called by, or by its first argument. What runs in every protected pod is in the
// command falcon-pod.
//
// It stands in for a container sensor in this project's test lab. It is an
// approximation and not a CrowdStrike product.
package main

import (
	"os"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/injector"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/installer"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const usage = `usage: falcon-standin PROGRAM [arguments]

PROGRAM is injector or installer; a link of that name to this file runs the program as well.`

func main() {
	os.Exit(standin.Main(map[string]standin.Program{
		"injector":  injector.Run,
		"installer": installer.Run,
	}, usage))
}
