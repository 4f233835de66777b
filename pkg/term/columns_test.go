package term

import "testing"

func TestColumnsAlignsRowsAsTheyCome(t *testing.T) {
	c := NewColumns([]string{"POD", "AID", "WHY"}, []int{5, 2})
	got := c.Header() + "\n" + c.Row("web-1", "ab", "") + "\n" + c.Row("é", "-", "no\x1b[2J") + "\n" + c.Row("web-1234", "ab", "x") + "\n"
	want := "POD    AID  WHY\n" +
		"web-1  ab\n" +
		"é      -    no\ufffd[2J\n" +
		"web-1234  ab   x\n"
	if got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

// A row is data even while a progress is on the screen: it stays, whole, and in order.
func TestProgressKeepsLines(t *testing.T) {
	p, out, _ := plain()
	p.Line("web-1  ab")
	p.Line("web-1  ab")
	if out.String() != "web-1  ab\nweb-1  ab\n" {
		t.Errorf("got %q", out)
	}
	on, screen := live(t, 40, 10)
	on.State("sensors asked", "1 of 2")
	on.Line("web-1  ab")
	on.State("sensors asked", "2 of 2")
	on.Line("web-2  ab")
	on.State("sensors asked", "")
	on.Close()
	screen.shows("$ install", "web-1  ab", "web-2  ab")
}
