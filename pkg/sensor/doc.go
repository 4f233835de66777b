// Package sensor finds the sensor image in registries.
//
// It must keep credentials to the registry that they are for, and show none of them.
package sensor
