// Package sensor finds the image of the Falcon Container sensor, in the vendor's registry, in others and in
// tarballs, and copies it to a registry without docker.
//
// It must keep credentials to the registry that they are for and show none of them, keep no image in memory,
// and write a tag only when all that is behind it is there. The vendor's names are from the facts that its
// public tools show (falcon-scripts, gofalcon, falcon-operator, as of 2026-08).
package sensor
