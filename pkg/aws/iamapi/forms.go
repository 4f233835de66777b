package iamapi

import (
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// list is a list as IAM writes it; one that is there and empty is no nil.
type list[T any] struct {
	Members []T `xml:"member"`
}

func (l *list[T]) slice() []T {
	if l == nil {
		return nil
	}
	if l.Members == nil {
		return []T{}
	}
	return l.Members
}

// tags are written as a list.
type tags = *list[types.Tag]

// role is a role, whose tags are a list where the SDK's type has them plain.
type role struct {
	types.Role
	Tags tags `xml:"Tags"`
}

func (r *role) sdk() *types.Role {
	if r == nil {
		return nil
	}
	r.Role.Tags = r.Tags.slice()
	return &r.Role
}

type policy struct {
	types.Policy
	Tags tags `xml:"Tags"`
}

func (p *policy) sdk() *types.Policy {
	if p == nil {
		return nil
	}
	p.Policy.Tags = p.Tags.slice()
	return &p.Policy
}
