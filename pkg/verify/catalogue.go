package verify

import (
	"slices"
	"strings"
)

// Catalogue returns every check in the order of their ids. Each file of checks adds its own.
func Catalogue() []Check {
	all := slices.Concat(accessChecks, workloadChecks, webhookChecks, certificateChecks, configurationChecks,
		coverageChecks, podChecks, sensorChecks, awsChecks, leftoverChecks)
	slices.SortFunc(all, func(a, b Check) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Group is the heading that a check stands under, by the first digit of its id; those of AWS share one with the
// leftovers.
func Group(id string) string {
	if len(id) < 3 {
		return ""
	}
	if id >= "FC900" && id < "FC950" {
		return "aws"
	}
	return map[byte]string{'1': "access", '2': "injector", '3': "webhook", '4': "certificates", '5': "configuration",
		'6': "coverage", '7': "pods", '8': "sensors", '9': "leftovers"}[id[2]]
}
