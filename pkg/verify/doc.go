// Package verify says whether a cluster's injector is healthy, which pods carry the sensor and which do
// not, and exactly why.
//
// It collects first and judges then: Collect turns the cluster into one Snapshot, and Judge is a pure
// function of it, a list of small checks, so that a bundle from another cluster is judged by the same
// code. It must change nothing in the cluster, and nothing in a Snapshot or a Report is secret.
package verify
