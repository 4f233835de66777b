package plugin

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// Set by the linker for releases; a build by `go install` gets them from the module instead.
var (
	releaseVersion string
	releaseCommit  string
	releaseDate    string
)

// versionInfo says what this program was built from. Its JSON form is stable.
type versionInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func version() versionInfo {
	v := versionInfo{Version: releaseVersion, Commit: releaseCommit, Date: releaseDate,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision" && v.Commit == "":
			v.Commit = setting.Value
		case setting.Key == "vcs.time" && v.Date == "":
			v.Date = setting.Value
		}
	}
	return v
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
		}
		_, err := fmt.Fprintf(s.Out, "%s %s%s, %s %s\n", commandName, v.Version, built, v.Go, v.Platform)
		return err
	}
	return cmd
}
