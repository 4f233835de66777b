//go:build !linux

package main

import "errors"

// insideVar is what only Linux has a use for.
const insideVar = "KUBECTL_FALCON_TEST_INSIDE"

func inside(string) error { return errors.New("namespaces are Linux's") }
