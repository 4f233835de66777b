package ecr

import (
	"context"
	"fmt"
	"strings"
)

// creation says what kind of repository is made.
func (e *ensuring) creation() string {
	tags, scan, encryption := "immutable tags", "scan on push", "AES256"
	if e.w.MutableTags {
		tags = "tags that can be moved"
	}
	if e.w.NoScan {
		scan = "no scan on push"
	}
	if e.w.Key != "" {
		encryption = "KMS with " + e.w.Key
	}
	return "make it with " + tags + ", " + scan + ", encrypted by " + encryption
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func (e *ensuring) compareTags() {
	if e.is.ImmutableTags != e.w.MutableTags {
		return
	}
	if !e.may() {
		e.leave("immutable tags", onOff(e.is.ImmutableTags), onOff(!e.w.MutableTags), whyForeign)
		return
	}
	why := "make tags immutable"
	if e.w.MutableTags {
		why = "let tags be moved"
	}
	e.add("ecr:PutImageTagMutability", why, e.putMutability)
}

func (e *ensuring) compareScan() {
	if e.is.ScanOnPush != e.w.NoScan {
		return
	}
	if !e.may() {
		e.leave("scan on push", onOff(e.is.ScanOnPush), onOff(!e.w.NoScan), whyForeign)
		return
	}
	e.add("ecr:PutImageScanningConfiguration", "turn scan on push "+onOff(!e.w.NoScan), e.putScan)
}

func (e *ensuring) compareKey() {
	if e.w.Key == "" {
		return
	}
	is := e.is.Encryption
	if is == encryptionAES {
		e.leave("encryption", is, "KMS with "+e.w.Key, whyFixed)
		return
	}
	// ECR tells the ARN of a key, and an alias may stand for any.
	alias := strings.HasPrefix(e.w.Key, "alias/") || strings.Contains(e.w.Key, ":alias/")
	if !alias && e.is.Key != e.w.Key && !strings.HasSuffix(e.is.Key, "/"+e.w.Key) {
		e.leave("encryption", is+" with "+e.is.Key, "KMS with "+e.w.Key, whyFixed)
	}
}

func (e *ensuring) planLifecycle(ctx context.Context) error {
	wanted := lifecycle(e.w.Keep, e.w.Untagged)
	if wanted == "" {
		return nil
	}
	is := ""
	if e.is != nil {
		var err error
		if is, err = e.c.lifecycleOf(ctx, e.w.Name); err != nil {
			return err
		}
	}
	why := describeLifecycle(e.w.Keep, e.w.Untagged)
	switch {
	case is != "" && sameJSON(is, wanted):
	case !e.may():
		e.leave("lifecycle", ruleCount(is), why, whyForeign)
	case foreignRules(is) && !e.w.Update:
		e.leave("lifecycle", ruleCount(is), why, whyOthers)
	default:
		e.add("ecr:PutLifecyclePolicy", why, func(ctx context.Context) error { return e.putLifecycle(ctx, wanted) })
	}
	return nil
}

func describeLifecycle(keep, untagged int) string {
	var parts []string
	if untagged > 0 {
		parts = append(parts, fmt.Sprintf("let untagged images go after %d days", untagged))
	}
	if keep > 0 {
		parts = append(parts, fmt.Sprintf("keep the newest %d images", keep))
	}
	return strings.Join(parts, " and ")
}

func ruleCount(policy string) string {
	if policy == "" {
		return "none"
	}
	return "another policy"
}

func (e *ensuring) planAccess(ctx context.Context) error {
	if len(e.w.Accounts) == 0 {
		return nil
	}
	p, err := parsePolicy("")
	if e.is != nil {
		p, err = e.c.policyOf(ctx, e.w.Name)
	}
	if err != nil {
		return err
	}
	var missing []string
	for _, id := range e.w.Accounts {
		if !p.lets(id) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	who := "let " + strings.Join(missing, " and ") + " pull"
	if !e.may() {
		e.leave("access", "not by kubectl falcon", who, whyForeign)
		return nil
	}
	e.add("ecr:SetRepositoryPolicy", who, func(ctx context.Context) error { return e.setPolicy(ctx, p, missing) })
	return nil
}
