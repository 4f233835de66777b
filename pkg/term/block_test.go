package term

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestLiveUpdatesInPlace(t *testing.T) {
	p, s := live(t, 80, 24)
	p.Done("namespace/falcon", "created")
	p.Done("deployment/injector", "configured")
	p.State("deployment/injector", "0 of 2 replicas available")
	p.State("pod/x", "pending")
	s.shows("$ install",
		"namespace/falcon      created",
		"deployment/injector   configured, 0 of 2 replicas available",
		"pod/x                 pending")
	p.State("deployment/injector", "1 of 2 replicas available")
	p.Remark("the webhook is next\n  next: wait")
	p.Remark("really")
	p.State("pod/x", "")
	s.shows("$ install",
		"the webhook is next",
		"  next: wait",
		"really",
		"namespace/falcon      created",
		"deployment/injector   configured, 1 of 2 replicas available")
	p.State("deployment/injector", "")
	p.Close()
	p.Close()
	p.Done("service/late", "created")
	s.shows("$ install",
		"the webhook is next",
		"  next: wait",
		"really",
		"namespace/falcon      created",
		"deployment/injector   configured",
		"service/late created")
}

func TestLiveTroubleComesAndGoes(t *testing.T) {
	p, s := live(t, 40, 24)
	p.State("pod/a", "0 of 1")
	p.State("pod/b", "0 of 1")
	p.Trouble("pod/a", "ErrImagePull: registry.example.com/a/very/long/image/name denied")
	s.shows("$ install",
		"pod/a   0 of 1",
		"    ErrImagePull:",
		"    registry.example.com/a/very/long/im",
		"    age/name denied",
		"pod/b   0 of 1")
	p.Trouble("pod/a", "CrashLoopBackOff")
	p.Trouble("pod/c", "no node")
	s.shows("$ install", "pod/a   0 of 1", "    CrashLoopBackOff", "pod/b   0 of 1", "pod/c", "    no node")
	p.Trouble("pod/a", "")
	s.shows("$ install", "pod/a   0 of 1", "pod/b   0 of 1", "pod/c", "    no node")
	p.Trouble("pod/c", "")
	p.Trouble("pod/b", "ErrImagePull: registry.example.com/a/very/long/image/name denied")
	p.Close()
	// To be copied, the name is whole at last, and the terminal wraps it.
	s.shows("$ install",
		"pod/a   0 of 1",
		"pod/b   0 of 1",
		"    ErrImagePull:",
		"    registry.example.com/a/very/long/ima",
		"ge/name",
		"    denied")
}

func TestLiveCutsLongLines(t *testing.T) {
	p, s := live(t, 20, 24)
	p.State("pod/a", "wärten auf vieles Ähnliche")
	p.State("pod/"+strings.Repeat("x", 30), "waiting")
	s.shows("$ install", "pod/a        wärte…", "pod/xxxxxxxxxxxxxx…")
	p.State("pod/a", "ok")
	s.shows("$ install", "pod/a        ok", "pod/xxxxxxxxxxxxxx…")
	p.Close()
	s.shows("$ install", "pod/a        ok", "pod/xxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxx   wai", "ting")
}

func TestLiveRetiresFinishedObjectsFromATallBlock(t *testing.T) {
	p, s := live(t, 80, 6)
	p.State("pod/wait", "pending")
	for i := range 9 {
		p.Done(fmt.Sprintf("pod/%04d", i), "created")
	}
	same(t, "all", s.all(), "$ install\npod/0000   created\npod/0001   created\npod/0002   created\npod/0003   created\npod/0004   created\n"+
		"pod/wait   pending\npod/0005   created\npod/0006   created\npod/0007   created\npod/0008   created")
	// One that comes back is as new.
	p.State("pod/0000", "restarting")
	p.State("pod/wait", "")
	p.Close()
	same(t, "all", s.all(), "$ install\npod/0000   created\npod/0001   created\npod/0002   created\npod/0003   created\npod/0004   created\npod/0005   created\n"+
		"pod/0006   created\npod/0007   created\npod/0008   created\npod/0000   created, restarting")
}

func TestLiveTooManyUnfinished(t *testing.T) {
	p, s := live(t, 80, 6)
	for i := range 8 {
		p.State(fmt.Sprintf("pod/%d", i), "pending")
	}
	s.shows("pod/0   pending", "pod/1   pending", "pod/2   pending", "pod/3   pending", "… and 4 more")
	p.Trouble("pod/7", "no node")
	p.Trouble("pod/6", "no disk")
	p.Trouble("pod/5", strings.Repeat("long ", 100)+"end")
	s.shows("pod/5   pending", "pod/6   pending", "    no disk", "pod/7   pending", "… and 5 more")
	if got := s.all(); strings.Count(got, "no node") != 1 || strings.Count(got, "long") != 100 {
		t.Errorf("a trouble is lost:\n%s", got)
	}
	p.Close()
	if got := s.all(); strings.Count(got, "long") != 200 || strings.Count(got, "pending") != 8 || strings.Contains(got, "more") {
		t.Errorf("got\n%s", got)
	}
}

func TestLiveWritesOnlyWhatDiffers(t *testing.T) {
	p, s := live(t, 80, 24)
	for i := range 20 {
		p.State(fmt.Sprintf("pod/%02d", i), "pending")
	}
	before := s.bytes
	p.State("pod/19", "pending")
	if s.bytes != before {
		t.Error("it drew what is drawn")
	}
	p.State("pod/19", "running")
	if written := s.bytes - before; written > 40 {
		t.Errorf("%d bytes for one line", written)
	}
}

func TestLivePaints(t *testing.T) {
	p, s := live(t, 12, 24)
	p.painter = Painter{On: true}
	p.Done("pod/a", "created")
	p.Trouble("pod/a", "it does not start")
	s.shows("$ install", "pod/a   cr…", "it does not", "start")
	if s.styled == 0 {
		t.Error("no colour")
	}
}

// A block from before may stay as a copy, but nothing else may go, and what follows is right.
func TestLiveResize(t *testing.T) {
	for _, reflow := range []bool{true, false} {
		for _, size := range [][2]int{{30, 24}, {120, 24}, {80, 5}, {30, 4}, {80, 2}, {1, 1}, {200, 50}} {
			p, s := live(t, 80, 24)
			p.Remark("a remark")
			for i := range 6 {
				p.State(fmt.Sprintf("pod/%d", i), strings.Repeat("wait ", 9))
			}
			s.resize(size[0], size[1], reflow)
			p.Trouble("pod/5", "x")
			p.State("pod/5", "y")
			p.Trouble("pod/5", "")
			if size[0] < 10 {
				continue
			}
			got := s.all()
			if !strings.HasPrefix(got, "$ install\na remark\npod/0") {
				t.Errorf("%v reflow %v: history is gone:\n%s", size, reflow, got)
			}
			if block := strings.Join(p.drawn, "\n"); size[1] > 2 && !strings.HasSuffix("\n"+s.text(), "\n"+block) {
				t.Errorf("%v reflow %v: the screen is\n%s\nthe block\n%s", size, reflow, s.text(), block)
			}
			// Half a copy would mean that the way up was guessed.
			if n := strings.Count(got, "pod/0"); reflow && size == [2]int{30, 24} && n != strings.Count(got, "pod/5") {
				t.Errorf("%v: got\n%s", size, got)
			}
			if n := strings.Count(got, "pod/2"); n > 2 {
				t.Errorf("%v reflow %v: %d copies:\n%s", size, reflow, n, got)
			}
			p.Close()
			if got = s.all(); !strings.HasSuffix(got, "\npod/5   y") {
				t.Errorf("%v reflow %v: got\n%s", size, reflow, got)
			}
		}
	}
}

func TestLiveConcurrently(t *testing.T) {
	p, s := live(t, 80, 10)
	busy(p, 8, 20)
	p.Close()
	got := s.all()
	for w := range 8 {
		for i := range 20 {
			if line := fmt.Sprintf("\npod/%d-%d ", w, i); !strings.Contains(got+"\n", line) {
				t.Errorf("%q is missing", line)
			}
		}
	}
}

// Whatever comes in whatever order: remarks stay once and in order, the screen ends with the block, and the
// end tells all.
func TestLiveAtRandom(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		p, s := live(t, 20+r.IntN(60), 1+r.IntN(20))
		remarks := []string{}
		for n := range 80 {
			key, text := fmt.Sprintf("pod/%0*d", 1+r.IntN(3), r.IntN(8)), ""
			if r.IntN(3) > 0 {
				text = strings.TrimSpace(strings.Repeat("wörd ", 1+r.IntN(30)))
			}
			switch r.IntN(5) {
			case 0:
				p.Done(key, "created")
			case 1, 2:
				p.State(key, text)
			case 3:
				p.Trouble(key, text)
			case 4:
				remarks = append(remarks, fmt.Sprintf("remark-%d", n))
				p.Remark(remarks[len(remarks)-1])
			}
			if block := strings.Join(p.drawn, "\n"); s.height > 1 && block != "" && !strings.HasSuffix("\n"+s.text(), "\n"+block) {
				t.Fatalf("seed %d: the screen is\n%s\nthe block\n%s", seed, s.text(), block)
			}
		}
		last := p.shown
		p.Close()
		var found []string
		for line := range strings.Lines(s.all()) {
			if strings.HasPrefix(line, "remark-") {
				found = append(found, strings.TrimSpace(line))
			}
		}
		same(t, fmt.Sprintf("seed %d", seed), strings.Join(found, " "), strings.Join(remarks, " "))
		for _, o := range last {
			if !strings.Contains(s.all(), o.key) {
				t.Errorf("seed %d: %s is missing", seed, o.key)
			}
		}
		if !strings.HasPrefix(s.all(), "$ install\n") {
			t.Errorf("seed %d: what was there is gone", seed)
		}
	}
}
