//go:build !windows

package term

import "os"

// understands says whether a terminal obeys escape sequences. Where one does not, TERM says so.
func understands(*os.File) bool { return true }
