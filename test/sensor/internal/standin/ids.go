package standin

import (
	"regexp"
	"strings"
)

var (
	cidWithChecksum = regexp.MustCompile(`^[0-9a-fA-F]{32}-[0-9a-fA-F]{2}$`)
	agentID         = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
)

// ValidCID reports whether s is a customer id with its checksum. The checksum
// itself is not verified: how it is computed is not public.
func ValidCID(s string) bool { return cidWithChecksum.MatchString(s) }

// ValidAID reports whether s is an agent id.
func ValidAID(s string) bool { return agentID.MatchString(s) }

// ShortCID is a customer id as falconctl prints it: lower case, no checksum.
func ShortCID(cid string) string {
	id, _, _ := strings.Cut(strings.ToLower(cid), "-")
	return id
}
