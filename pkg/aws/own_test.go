package aws

import "testing"

func TestOwnedIsWhatHasOurTags(t *testing.T) {
	if !Owned(Tags("1")) || !Owned(Tags("")) {
		t.Error("our own tags are not ours")
	}
	for _, tags := range []map[string]string{nil, {OwnerTag: "shared"}, {VersionTag: "1"}} {
		if Owned(tags) {
			t.Errorf("%v is ours", tags)
		}
	}
}
