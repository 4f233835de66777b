package problem

import (
	"slices"
	"strings"
)

// mostNear is how many words are worth suggesting.
const mostNear = 3

// Near returns which of some words a mistyped one may have been meant to be, the likeliest alone; several if
// they are as likely, and none if nothing is like it.
func Near(typed string, words []string) []string {
	typed = strings.ToLower(typed)
	if typed == "" {
		return nil
	}
	// One slip in three letters, so that of two words one is not taken for the other.
	best := min((len(typed)+2)/3, 3)
	var near []string
	for _, word := range words {
		slips := slips(typed, strings.ToLower(word))
		if slips < best {
			best, near = slips, nil
		}
		if slips == best {
			near = append(near, word)
		}
	}
	slices.Sort(near)
	near = slices.Compact(near)
	return near[:min(len(near), mostNear)]
}

// DidYouMean is advice that asks for one of the words that are near to a mistyped one, each behind what stands
// before it; nothing if no word is near.
func DidYouMean(before, typed string, words []string) string {
	near := Near(typed, words)
	if len(near) == 0 {
		return ""
	}
	for n := range near {
		near[n] = before + near[n]
	}
	return "did you mean: " + strings.Join(near, ", or ") + "?"
}

// slips is how far a word is from what was typed. Whoever stopped typing made but one.
func slips(typed, word string) int {
	n := distance(typed, word)
	if len(typed) > 1 && strings.HasPrefix(word, typed) {
		return min(n, 1)
	}
	return n
}

// distance counts the slips between two words: a letter that is missing, too much or another, and two that
// changed places.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
