package wire

import (
	"context"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

// Partition is a set of regions whose hosts' names end alike.
type Partition struct {
	// Name is aws, aws-cn and so on, as ARNs have it.
	Name string
	// End is what its hosts' names end with, Dual what those that also speak IPv6 end with.
	End, Dual string
}

// Wanted is which endpoint of a service is looked for.
type Wanted struct {
	Partition Partition
	Region    string
	// FIPS is one by that standard, Dual one that also speaks IPv6.
	FIPS, Dual bool
}

// End is what the host's name ends with.
func (w *Wanted) End() string {
	if w.Dual {
		return w.Partition.Dual
	}
	return w.Partition.End
}

// Place is where an endpoint is: its host, and the region that signatures for it name.
type Place struct{ Host, Region string }

// partitionOf finds a region's partition by how its name begins (docs.aws.amazon.com/general, "AWS service
// endpoints", and the SDK's list of them).
func partitionOf(region string) Partition {
	for _, one := range []struct {
		begins string
		Partition
	}{
		{"cn-", Partition{"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"}},
		{"us-gov-", Partition{"aws-us-gov", "amazonaws.com", "api.aws"}},
		{"us-iso-", Partition{"aws-iso", "c2s.ic.gov", "api.aws.ic.gov"}},
		{"us-isob-", Partition{"aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"}},
		{"us-isof-", Partition{"aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"}},
		{"eu-isoe-", Partition{"aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"}},
		{"eusc-", Partition{"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"}},
	} {
		if strings.HasPrefix(region, one.begins) {
			return one.Partition
		}
	}
	return Partition{"aws", "amazonaws.com", "api.aws"}
}

// place is where the service's endpoint is, as the configuration wants it.
func (s *Service) place(cfg sdk.Config) Place {
	w := Wanted{Partition: partitionOf(cfg.Region), Region: cfg.Region}
	w.FIPS, w.Dual = wants(cfg)
	if s.At != nil {
		return s.At(w)
	}
	begin := s.Host
	switch {
	case w.FIPS:
		begin = s.FIPS
	case w.Dual:
		begin = s.Dual
	}
	return Place{begin + "." + w.Region + "." + w.End(), w.Region}
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
	// The contexts are only for the SDK's interfaces: what is asked was read when the configuration was loaded.
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
