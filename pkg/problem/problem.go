// Package problem is the form of every error that a user sees: what failed and on what, why if that is
// known, and what to do next.
//
// It is a leaf: any package may use it, and it uses none. It must not print and must not know exit codes;
// package plugin does both.
package problem

import "fmt"

// Kind says whose turn it is after an error, which decides the exit code.
type Kind int

const (
	// Failed is an operation that did not succeed or a check that found a fault.
	Failed Kind = iota
	// BadInput is a flag, an argument or a file that cannot be meant; nothing was changed.
	BadInput
	// NoAccess is a cluster that cannot be reached, or does not permit what is needed.
	NoAccess
	// TimedOut is a wait that had its time.
	TimedOut
)

// Error is one failure with its advice.
type Error struct {
	kind Kind
	next string
	err  error
}

// New makes an error of a kind. The format says in one line, without a full stop, what failed, on which
// object and why, and may wrap a cause with %w; next says what the user should do, and may be empty.
func New(kind Kind, next, format string, args ...any) *Error {
	return &Error{kind: kind, next: next, err: fmt.Errorf(format, args...)}
}

// Error says what failed, on what, and why.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns what the error was made of, and so its cause if it wraps one.
func (e *Error) Unwrap() error { return e.err }

// Kind says whose turn it is.
func (e *Error) Kind() Kind { return e.kind }

// Next is what the user should do, or nothing.
func (e *Error) Next() string { return e.next }
