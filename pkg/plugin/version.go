package plugin

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// Set by the linker for releases; a build by `go install` gets them from the module instead.
var (
	releaseVersion string
	releaseCommit  string
	releaseDate    string
	releaseDirty   string // "true" or "false"
)

// versionInfo says what this program was built from. Its JSON form is stable.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	// Date is when the commit was made, not when it was built: two builds of a commit are the same file.
	Date string `json:"date,omitempty"`
	// Dirty says that the source had changes which are in no commit; it is absent if nobody knows.
	Dirty    *bool  `json:"dirty,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func version() versionInfo {
	v := versionInfo{Version: releaseVersion, Commit: releaseCommit, Date: releaseDate, Dirty: yesOrNo(releaseDirty),
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.fill(info)
	}
	return v
}

// fill takes what the linker was not told from what the go command wrote into the program.
func (v *versionInfo) fill(info *debug.BuildInfo) {
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision" && v.Commit == "":
			v.Commit = setting.Value
		case setting.Key == "vcs.time" && v.Date == "":
			v.Date = setting.Value
		case setting.Key == "vcs.modified" && v.Dirty == nil:
			v.Dirty = yesOrNo(setting.Value)
		}
	}
}

// yesOrNo reads what a build says of its source; nil is that it says nothing.
func yesOrNo(text string) *bool {
	yes, err := strconv.ParseBool(text)
	if err != nil {
		return nil
	}
	return &yes
}

func newVersion(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program; needs no cluster",
		Args:  arguments(),
	}
	format := formatFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		v := version()
		if *format != term.Table {
			return term.Structured(s.Out, *format, v)
		}
		built := ""
		if v.Commit != "" {
			built = fmt.Sprintf(" (commit %.12s)", v.Commit)
			if v.Dirty != nil && *v.Dirty {
				built = fmt.Sprintf(" (commit %.12s and changes)", v.Commit)
			}
		}
		_, err := fmt.Fprintf(s.Out, "%s %s%s, %s %s\n", commandName, v.Version, built, v.Go, v.Platform)
		return err
	}
	return cmd
}
