package shell

import "strings"

// plain are the characters, beside letters and digits, that mean nothing to any shell; a backslash is one on Windows.
const plain = "-_./:=@,+"

// Quote writes a word so that it can be typed: for a POSIX shell, or on Windows for both PowerShell and cmd, to which
// single quotes mean nothing.
func Quote(word string, windows bool) string {
	special := func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 0x7f
		return !letter && !strings.ContainsRune(plain, r) && !(windows && r == '\\')
	}
	switch {
	case word != "" && strings.IndexFunc(word, special) < 0:
		return word
	case !windows:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	// Programs take a backslash before the closing quote for one that makes it part of the word.
	if strings.HasSuffix(word, `\`) {
		word += `\`
	}
	return `"` + word + `"`
}
