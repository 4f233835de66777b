package aws

// The tags of everything that we make, by which we know it again.
const (
	OwnerTag   = "kubectl-falcon"
	OwnerValue = "owned"
	VersionTag = "kubectl-falcon/version"
)

// Tags are those of what a version of this program makes.
func Tags(version string) map[string]string {
	tags := map[string]string{OwnerTag: OwnerValue}
	if version != "" {
		tags[VersionTag] = version
	}
	return tags
}

// Owned says whether tags are those of something that we made.
func Owned(tags map[string]string) bool { return tags[OwnerTag] == OwnerValue }
