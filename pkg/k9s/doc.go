// Package k9s puts keys that run this program into a user's plugins file of k9s, and takes them out again.
//
// It changes the file as text, between two lines that mark what is ours, so that every other byte of it stays:
// entries, comments, their order, line ends. What it is not given, such as the environment, it does not look for.
package k9s

import (
	_ "embed"
	"path/filepath"
	"strings"
)

//go:embed plugins.yaml
var plugins string

// Plugins is a plugins file with our keys alone.
func Plugins() string { return plugins }

// Places are what decides where k9s has its files.
type Places struct {
	// OS is as Go names it. ConfigDir is K9S_CONFIG_DIR, XDG is XDG_CONFIG_HOME, LocalAppData is LOCALAPPDATA.
	OS, ConfigDir, XDG, LocalAppData string
	// Home is the user's folder.
	Home string
}

// File is the plugins file that k9s reads for all clusters (k9s 0.50, internal/config/files.go, and adrg/xdg, which
// finds the folders for it).
func (p Places) File() string {
	const name = "plugins.yaml"
	if p.ConfigDir != "" {
		return filepath.Join(p.ConfigDir, name)
	}
	folder := filepath.Join(p.Home, ".config")
	switch xdg := p.expanded(p.XDG); {
	case filepath.IsAbs(xdg):
		folder = xdg
	case p.OS == "darwin":
		folder = filepath.Join(p.Home, "Library", "Application Support")
	case p.OS == "windows" && p.LocalAppData != "":
		folder = p.LocalAppData
	case p.OS == "windows":
		folder = filepath.Join(p.Home, "AppData", "Local")
	}
	return filepath.Join(folder, "k9s", name)
}

// expanded replaces the sign for the user's folder, which shells do not do everywhere.
func (p Places) expanded(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/' || rest[0] == filepath.Separator) {
		return filepath.Join(p.Home, rest)
	}
	return path
}
