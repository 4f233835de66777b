package aws

import (
	"maps"
	"net/http"
	"testing"
)

// Everything that a test compares is in the inventory with its values, and goes with what is deleted.
func TestTheInventoryHasEveryValue(t *testing.T) {
	c := shared
	if err := c.emptyStore(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.forget()
	look := func() map[string]string {
		t.Helper()
		all, err := c.Inventory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := look()
	u := user(t, c)
	if _, err := c.AddCluster(t.Context(), ClusterSpec{Name: "stock"}); err != nil {
		t.Fatal(err)
	}
	role, err := c.AddPodExecutionRole(t.Context(), "stock-pods")
	if err != nil {
		t.Fatal(err)
	}
	u.ecr("CreateRepository", object{"repositoryName": "stock", "tags": []object{{"Key": "who", "Value": "me"}}})
	if a := u.ecr("PutImage", object{"repositoryName": "stock", "imageTag": "7", "imageManifest": `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"size":1},"layers":[]}`}); a.status != 200 {
		t.Fatal(a)
	}
	u.eks(http.MethodPost, "/clusters/stock/fargate-profiles", object{"fargateProfileName": "p", "podExecutionRoleArn": role,
		"selectors": []object{{"namespace": "web"}}})
	got := look()
	for at, want := range map[string]string{
		"ecr stock imageTagMutability":                                      "MUTABLE",
		"ecr stock tags 0 Value":                                            "me",
		"ecr stock DescribeImages imageDetails 0 imageTags 0":               "7",
		"eks stock cluster status":                                          "ACTIVE",
		"eks stock fargate-profiles p fargateProfile selectors 0 namespace": "web",
		"eks stock fargate-profiles p fargateProfile podExecutionRoleArn":   role,
		"iam role stock-pods RoleName":                                      "stock-pods",
		"iam role stock-pods AttachedPolicies 0 PolicyName":                 "AmazonEKSFargatePodExecutionRolePolicy",
		"iam role " + fargateRole + " Path":                                 "/aws-service-role/" + fargateService + "/",
	} {
		if got[at] != want {
			t.Errorf("%s is %q, want %q", at, got[at], want)
		}
	}
	if t.Failed() {
		for at, value := range got {
			if before[at] != value {
				t.Logf("%s = %s", at, value)
			}
		}
	}
	again := look()
	maps.DeleteFunc(again, func(at, value string) bool { return got[at] == value })
	if len(again) > 0 {
		t.Errorf("a second look differs: %v", again)
	}
}
