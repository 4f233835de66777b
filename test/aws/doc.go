// Package aws has no code of its own: its tests run the plugin's commands for AWS against the local AWS of
// test/fakes/aws.
package aws
