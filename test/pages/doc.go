// Package pages reads the documentation as data: its links, its headings and its command lines, and what
// their markers say about where a command line can run. Tests hold the pages to it.
//
// A marker is an HTML comment before a block, which readers do not see:
//
//	<!-- needs: aws -->   the block cannot run in the lab; Needs has the words and what they mean
//	<!-- exit: 1 -->      its last command ends with this exit code
//	<!-- lab: bare -->    the lab is brought to this state first; States has them
//
// A block without needs is run against the lab, in the order of its page. A YAML block whose first line is a
// comment with the name of a file is that file for the commands of its page. This package runs nothing of it.
package pages
