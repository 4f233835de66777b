package ecr

import (
	"context"
	"maps"
	"slices"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
)

const actionCreate = "ecr:CreateRepository"

func (e *ensuring) mutability() string {
	if e.w.MutableTags {
		return mutable
	}
	return immutable
}

func (e *ensuring) create(ctx context.Context) error {
	in := createRepository{Name: e.w.Name, Mutability: e.mutability(), Scan: scanning{!e.w.NoScan}, Encryption: encryption{Type: encryptionAES}}
	if e.w.Key != "" {
		in.Encryption.Type = encryptionKMS
		if e.w.Key != DefaultKey {
			in.Encryption.Key = e.w.Key
		}
	}
	tags := aws.Tags(e.w.Version)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		in.Tags = append(in.Tags, tag{key, tags[key]})
	}
	answer := createdRepository{}
	if err := e.c.api.Call(ctx, "CreateRepository", in, &answer); err != nil {
		return err
	}
	made := answer.Repository.read()
	made.Owned = true
	e.is = &made
	return nil
}

func (e *ensuring) putMutability(ctx context.Context) error {
	err := e.c.api.Call(ctx, "PutImageTagMutability", putMutability{e.w.Name, e.mutability()}, &struct{}{})
	if err == nil {
		e.is.ImmutableTags = !e.w.MutableTags
	}
	return err
}

func (e *ensuring) putScan(ctx context.Context) error {
	err := e.c.api.Call(ctx, "PutImageScanningConfiguration", putScanning{e.w.Name, scanning{!e.w.NoScan}}, &struct{}{})
	if err == nil {
		e.is.ScanOnPush = !e.w.NoScan
	}
	return err
}

func (e *ensuring) putLifecycle(ctx context.Context, text string) error {
	return e.c.api.Call(ctx, "PutLifecyclePolicy", putLifecycle{e.w.Name, text}, &struct{}{})
}

func (e *ensuring) setPolicy(ctx context.Context, p repositoryPolicy, accounts []string) error {
	for _, id := range accounts {
		p.let(id, partitionOf(e.is.ARN))
	}
	return e.c.api.Call(ctx, "SetRepositoryPolicy", setPolicy{e.w.Name, p.text()}, &struct{}{})
}
