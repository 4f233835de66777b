// Package eksctl is a stand-in for eksctl, for tests: a script that takes the calls that this project makes of
// it. It is not eksctl, and nothing of eksctl is in it.
package eksctl

import (
	_ "embed"
	"os"
	"path/filepath"
)

//go:embed eksctl
var script []byte

// Put writes the stand-in into a folder and returns its file. The script says which variables tell it what to do.
func Put(folder string) (string, error) {
	file := filepath.Join(folder, "eksctl")
	return file, os.WriteFile(file, script, 0o755)
}
