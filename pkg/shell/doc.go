// Package shell puts the file by which kubectl finds out how the words of kubectl falcon are completed, and
// takes it away again.
//
// kubectl runs kubectl_complete-falcon from the PATH with the words typed so far. It is this program under that
// name: a link to it, or a copy where links need a right that few have. What it is not given, such as the PATH,
// it does not look for, and a file that is not this program it never touches.
package shell
