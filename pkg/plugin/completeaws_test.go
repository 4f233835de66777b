package plugin

import (
	"slices"
	"testing"
)

func TestCompletionFromAWS(t *testing.T) {
	_, repository := inAWS(t)
	asAdmin(t, "CreateRepository", map[string]any{"repositoryName": repository})
	for _, tag := range []string{"7.39", "7.40"} {
		asAdmin(t, "PutImage", map[string]any{"repositoryName": repository, "imageTag": tag,
			"imageManifest": `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[],"annotations":{"tag":"` + tag + `"}}`})
	}
	for _, c := range []struct{ line, want []string }{
		{[]string{"aws", "ecr", "images", repository[:len(repository)-3]}, []string{repository}},
		{[]string{"down", "--repository", repository[:len(repository)-3]}, []string{repository}},
		{[]string{"aws", "ecr", "delete-image", repository, "7.3"}, []string{"7.39"}},
		{[]string{"aws", "ecr", "delete-image", repository, "7.39", ""}, nil},
		{[]string{"install", "--image", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/" + repository + ":7.4"},
			[]string{"123456789012.dkr.ecr.eu-west-1.amazonaws.com/" + repository + ":7.40"}},
		{[]string{"install", "--image", "registry.example.com/" + repository + ":7.4"}, nil},
	} {
		if got, _ := offered(t, c.line...); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}

func TestCompletionOfClustersAndProfiles(t *testing.T) {
	inEKS := map[string]string{
		"/clusters":                         `{"clusters":["shop-b","shop-a","other"],"nextToken":null}`,
		"/clusters/shop-a/fargate-profiles": `{"fargateProfileNames":["fp-shop","fp-falcon"],"nextToken":null}`,
	}
	t.Setenv("AWS_ENDPOINT_URL", answering(t, inEKS))
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_REGION", "eu-west-1")
	for _, c := range []struct{ line, want []string }{
		{[]string{"aws", "cluster", "delete", "shop"}, []string{"shop-a", "shop-b"}},
		{[]string{"aws", "cluster", "delete", "shop-a", ""}, nil},
		{[]string{"up", "--cluster", "o"}, []string{"other"}},
		{[]string{"aws", "fargate", "delete", "--cluster", "shop-a", "fp-"}, []string{"fp-shop", "fp-falcon"}},
		{[]string{"aws", "fargate", "delete", "--cluster", "shop-a", "fp-shop", "fp-"}, []string{"fp-falcon"}},
		{[]string{"aws", "fargate", "delete", "--cluster", "absent", "fp-"}, nil},
	} {
		if got, _ := offered(t, c.line...); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}
