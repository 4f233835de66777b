// Package formats holds what verify writes against what others say its formats are: tests only, in a
// module of their own, so that a browser's protocol and a database's parser are not among the plugin's
// dependencies.
package formats
