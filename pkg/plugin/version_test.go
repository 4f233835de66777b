package plugin

import (
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"
)

// stamped sets what the linker sets, for one test.
func stamped(t *testing.T, version, commit, date, dirty string) {
	t.Helper()
	before := []string{releaseVersion, releaseCommit, releaseDate, releaseDirty}
	t.Cleanup(func() {
		releaseVersion, releaseCommit, releaseDate, releaseDirty = before[0], before[1], before[2], before[3]
	})
	releaseVersion, releaseCommit, releaseDate, releaseDirty = version, commit, date, dirty
}

func TestVersionTellsTheSourceOfARelease(t *testing.T) {
	stamped(t, "v1.2.3", "0123456789abcdef0123", "2026-01-02T03:04:05Z", "false")
	var v map[string]any
	if err := json.Unmarshal([]byte(falcon(t, "version", "-o", "json").out), &v); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]any{"version": "v1.2.3", "commit": "0123456789abcdef0123",
		"date": "2026-01-02T03:04:05Z", "dirty": false} {
		if v[field] != want {
			t.Errorf("%s is %v, want %v", field, v[field], want)
		}
	}
}

func TestVersionTellsThatTheSourceWasChanged(t *testing.T) {
	stamped(t, "v1.2.3-dirty", "0123456789abcdef0123", "", "true")
	if o := falcon(t, "version"); !strings.Contains(o.out, "(commit 0123456789ab and changes)") {
		t.Errorf("it printed %q", o.out)
	}
}

func TestVersionOfAProgramThatGoInstallMade(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.4.0"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "fedcba"}, {Key: "vcs.time", Value: "2026-02-03T04:05:06Z"}, {Key: "vcs.modified", Value: "true"}}}
	var v versionInfo
	v.fill(info)
	if v.Version != "v1.4.0" || v.Commit != "fedcba" || v.Date != "2026-02-03T04:05:06Z" || v.Dirty == nil || !*v.Dirty {
		t.Errorf("from the build's information: %+v", v)
	}
	clean := false
	v = versionInfo{Version: "v9.9.9", Commit: "abc", Date: "then", Dirty: &clean}
	v.fill(info)
	if v.Version != "v9.9.9" || v.Commit != "abc" || v.Date != "then" || *v.Dirty {
		t.Errorf("the linker's word was lost: %+v", v)
	}
}
