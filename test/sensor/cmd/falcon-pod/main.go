// Command falcon-pod is the stand-in sensor image's programs that run in protected pods, in one binary: it
// acts by the name it is called by, or by its first argument. It knows no Kubernetes, so that it is small:
// it is copied into each pod and started for each question.
//
// It stands in for a container sensor in this project's test lab. It is an
// approximation and not a CrowdStrike product.
package main

import (
	"os"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/falconctl"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/launch"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const usage = `usage: falcon-pod PROGRAM [arguments]

PROGRAM is one of sensor, falconctl, falcon-init and falcon-entrypoint; a link of that name to this file
runs the program as well.`

func main() {
	os.Exit(standin.Main(map[string]standin.Program{
		"falconctl":         falconctl.Run,
		"sensor":            sensor.Run,
		"falcon-init":       launch.Init,
		"falcon-entrypoint": launch.Entrypoint,
	}, usage))
}
