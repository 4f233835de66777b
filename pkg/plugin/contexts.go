package plugin

// userAgent names this program to API servers.
func userAgent() string { return "kubectl-falcon/" + version().Version }
