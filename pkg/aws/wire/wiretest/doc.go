// Package wiretest tests clients of our own against the SDK's: both are asked the same, must send the same, and
// must make the same of the same answer. Only tests import it.
package wiretest
