package wire

import (
	"context"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// partition is a set of regions whose hosts' names end alike.
type partition struct{ regions, end, dual string }

// partitions are those besides AWS's first (docs.aws.amazon.com/general, "AWS service endpoints", and the
// SDK's list of them).
func partitions() []partition {
	return []partition{{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"}, {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
		{"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"}, {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
		{"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"}, {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"}}
}

// host is that of the service's endpoint, as the configuration wants it.
func (s Service) host(cfg sdk.Config) string {
	of := partition{end: "amazonaws.com", dual: "api.aws"}
	for _, p := range partitions() {
		if strings.HasPrefix(cfg.Region, p.regions) {
			of = p
		}
	}
	fips, dual := wants(cfg)
	begin, end := s.Host, of.end
	switch {
	case fips:
		begin = s.FIPS
	case dual:
		begin = s.Dual
	}
	if dual {
		end = of.dual
	}
	return begin + "." + cfg.Region + "." + end
}

// wants says whether the configuration wants endpoints by FIPS 140, and ones that also speak IPv6
// (AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT).
func wants(cfg sdk.Config) (fips, dual bool) {
	type fipsSource interface {
		GetUseFIPSEndpoint(context.Context) (sdk.FIPSEndpointState, bool, error)
	}
	type dualSource interface {
		GetUseDualStackEndpoint(context.Context) (sdk.DualStackEndpointState, bool, error)
	}
	fipsKnown, dualKnown := false, false
	for _, source := range cfg.ConfigSources {
		if from, ok := source.(fipsSource); ok && !fipsKnown {
			state, found, err := from.GetUseFIPSEndpoint(context.Background())
			fipsKnown = found && err == nil
			fips = fipsKnown && state == sdk.FIPSEndpointStateEnabled
		}
		if from, ok := source.(dualSource); ok && !dualKnown {
			state, found, err := from.GetUseDualStackEndpoint(context.Background())
			dualKnown = found && err == nil
			dual = dualKnown && state == sdk.DualStackEndpointStateEnabled
		}
	}
	return fips, dual
}
