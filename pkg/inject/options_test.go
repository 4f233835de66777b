package inject

import (
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	goodCID   = "0123456789ABCDEF0123456789abcdef-1f"
	goodImage = "123456789123.dkr.ecr.eu-west-1.amazonaws.com/falcon-sensor:7.40.0"
	digest    = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

func TestValidateTakesWhatCanBeMeant(t *testing.T) {
	for name, o := range map[string]Options{
		"mixed case":          {CID: goodCID, Image: goodImage},
		"upper case":          {CID: strings.ToUpper(goodCID), Image: goodImage},
		"lower case":          {CID: strings.ToLower(goodCID), Image: goodImage},
		"a digest":            {CID: goodCID, Image: "registry.example.com/falcon@" + digest},
		"a tag and a digest":  {CID: goodCID, Image: "registry.example.com/falcon:7@" + digest},
		"a port":              {CID: goodCID, Image: "10.244.0.1:5000/falcon-sensor:7"},
		"a port and no tag":   {CID: goodCID, Image: "localhost:5000/falcon-sensor"},
		"a short name":        {CID: goodCID, Image: "falcon-sensor:latest"},
		"an upper-case tag":   {CID: goodCID, Image: "falcon-sensor:7.40.0-7502.container.x86_64.Release.US-1"},
		"a path":              {CID: goodCID, Image: "registry.crowdstrike.com/falcon-container/us-1/release/falcon-sensor:7"},
		"an upper-case host":  {CID: goodCID, Image: "Registry.Example.Com/falcon:1"},
		"an address of IPv6":  {CID: goodCID, Image: "[fd00::1]:5000/falcon:1"},
		"an underscore in it": {CID: goodCID, Image: "registry.example.com/falcon_sensor:1"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := o.Validate(); err != nil {
				t.Errorf("%+v: %v", o, err)
			}
		})
	}
}

func TestValidateSaysWhatCannotBeMeant(t *testing.T) {
	const cidNext, imageNext = "Falcon console", "REGISTRY/NAME:TAG"
	tests := map[string]struct {
		o          Options
		says, next string
	}{
		"nothing":              {Options{}, "--cid", cidNext},
		"no CID":               {Options{Image: goodImage}, "--cid", cidNext},
		"no image":             {Options{CID: goodCID}, "--image", "your own registry"},
		"too short":            {Options{CID: goodCID[1:], Image: goodImage}, goodCID[1:], cidNext},
		"too long":             {Options{CID: "0" + goodCID, Image: goodImage}, "0" + goodCID, cidNext},
		"no checksum":          {Options{CID: goodCID[:32], Image: goodImage}, "a dash and 2 more", cidNext},
		"half a checksum":      {Options{CID: goodCID[:34], Image: goodImage}, "a dash and 2 more", cidNext},
		"no dash":              {Options{CID: strings.ReplaceAll(goodCID, "-", ""), Image: goodImage}, "a dash", cidNext},
		"not hexadecimal":      {Options{CID: "g" + goodCID[1:], Image: goodImage}, "hexadecimal", cidNext},
		"a space after it":     {Options{CID: goodCID + " ", Image: goodImage}, `-1f "`, cidNext},
		"a newline after it":   {Options{CID: goodCID + "\n", Image: goodImage}, `\n`, cidNext},
		"a space before it":    {Options{CID: " " + goodCID, Image: goodImage}, `" 0123`, cidNext},
		"an upper-case name":   {Options{CID: goodCID, Image: "registry.example.com/Falcon:1"}, "lowercase", imageNext},
		"a space in the image": {Options{CID: goodCID, Image: "registry.example.com/falcon :1"}, "is not an image", imageNext},
		"a space after image":  {Options{CID: goodCID, Image: goodImage + " "}, "is not an image", imageNext},
		"only a space":         {Options{CID: goodCID, Image: " "}, "is not an image", imageNext},
		"a URL":                {Options{CID: goodCID, Image: "https://registry.example.com/falcon:1"}, "is not an image", imageNext},
		"an empty tag":         {Options{CID: goodCID, Image: "falcon:"}, "is not an image", imageNext},
		"a short digest":       {Options{CID: goodCID, Image: "falcon@sha256:0123"}, "is not an image", imageNext},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, ok := errors.AsType[*problem.Error](test.o.Validate())
			if !ok {
				t.Fatalf("%+v is accepted", test.o)
			}
			if p.Kind() != problem.BadInput {
				t.Errorf("kind %d", p.Kind())
			}
			if !strings.Contains(p.Error(), test.says) {
				t.Errorf("%q does not say %q", p, test.says)
			}
			if !strings.Contains(p.Next(), test.next) {
				t.Errorf("advice %q does not say %q", p.Next(), test.next)
			}
		})
	}
}
