//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// terminal is a shell in which somebody types, in a tmux of its own.
type terminal struct {
	t      *testing.T
	socket string
}

// prompt is what the shells here print when they wait; nothing else has it.
const prompt = "ready>"

// open starts a shell on a terminal.
func (l *lab) open(t *testing.T, env []string, shell ...string) *terminal {
	t.Helper()
	term := &terminal{t: t, socket: filepath.Join(t.TempDir(), "tmux")}
	cmd := l.command("tmux", append([]string{"-S", term.socket, "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40"}, shell...)...)
	cmd.Env = append(append(cmd.Env, "TERM=xterm", "LC_ALL=C.UTF-8"), env...)
	if r := finish(t, cmd); r.code != 0 {
		t.Fatalf("tmux: %v", r)
	}
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", term.socket, "kill-server").Run() })
	term.wait("the prompt", func(screen string) bool { return strings.Contains(screen, prompt) })
	return term
}

func (term *terminal) tmux(args ...string) string {
	term.t.Helper()
	r := finish(term.t, exec.Command("tmux", append([]string{"-S", term.socket}, args...)...))
	if r.code != 0 {
		term.t.Fatalf("tmux %s: %v", args, r)
	}
	return r.stdout
}

// screen is what the terminal shows.
func (term *terminal) screen() string { return term.tmux("capture-pane", "-p") }

func (term *terminal) wait(what string, holds func(screen string) bool) {
	term.t.Helper()
	eventually(term.t, what, time.Minute, func() (bool, string) {
		screen := term.screen()
		return holds(screen), "\n" + screen
	})
}

// line is the one in which is typed, without the prompt.
func line(screen string) string {
	at := strings.LastIndex(screen, prompt)
	if at < 0 {
		return ""
	}
	first, _, _ := strings.Cut(screen[at+len(prompt):], "\n")
	return strings.TrimSpace(first)
}

// type puts text into the line and presses keys, such as Tab.
func (term *terminal) press(text string, keys ...string) {
	term.t.Helper()
	term.tmux("send-keys", "-l", "--", text)
	if len(keys) > 0 {
		term.tmux(append([]string{"send-keys"}, keys...)...)
	}
}

// clear empties the line and the screen.
func (term *terminal) clear() {
	term.t.Helper()
	var sent time.Time
	term.wait("an empty line", func(screen string) bool {
		if strings.TrimSpace(screen) == prompt {
			return true
		}
		// A shell that is still at a completion takes no key, or takes them in another order.
		if time.Since(sent) > 2*time.Second {
			term.tmux("send-keys", "C-c")
			time.Sleep(200 * time.Millisecond)
			term.tmux("send-keys", "C-u", "C-l")
			sent = time.Now()
		}
		return false
	})
}

// again presses TAB once more behind what was typed. A shell that took the Ctrl-C of clear only now has thrown the
// line away: then it is typed again.
func (term *terminal) again(screen, typed string) {
	term.t.Helper()
	switch line(screen) {
	case typed:
		term.tmux("send-keys", "Tab")
	case "":
		term.press(typed, "Tab")
	}
}

// completes has a line become another by TAB.
func (term *terminal) completes(typed, becomes string) {
	term.t.Helper()
	term.clear()
	term.press(typed, "Tab")
	pressed := time.Now()
	term.wait(fmt.Sprintf("%q to become %q", typed, becomes), func(screen string) bool {
		// On a busy machine a second is not always enough, and whoever types tries again.
		if time.Since(pressed) > 4*time.Second {
			term.again(screen, typed)
			pressed = time.Now()
		}
		return line(screen) == becomes
	})
}

// offers has words shown that are not in the line by TAB, pressed again where a shell needs that.
func (term *terminal) offers(typed string, words ...string) {
	term.t.Helper()
	term.clear()
	term.press(typed, "Tab")
	pressed := time.Now()
	term.wait(fmt.Sprintf("%q to offer %q", typed, words), func(screen string) bool {
		for _, word := range words {
			if !strings.Contains(screen, word) {
				if time.Since(pressed) > 2*time.Second {
					term.again(screen, typed)
					pressed = time.Now()
				}
				return false
			}
		}
		return true
	})
}

// shells are those in which is typed, each with its own start: kubectl's completion and nothing of ours.
func shells(t *testing.T) map[string]func(home string) (env, command []string) {
	t.Helper()
	kubectl := filepath.Join(programs, "kubectl")
	rc := func(home, name, content string) {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]func(home string) (env, command []string){
		"bash": func(home string) ([]string, []string) {
			rc(home, "rc", ". /usr/share/bash-completion/bash_completion\n. <("+kubectl+" completion bash)\nPS1='"+prompt+" '\n")
			return nil, []string{"bash", "--rcfile", filepath.Join(home, "rc"), "-i"}
		},
		"zsh": func(home string) ([]string, []string) {
			rc(home, ".zshrc", "autoload -Uz compinit && compinit -u -D\n. <("+kubectl+" completion zsh)\nPS1='"+prompt+" '\n")
			return []string{"ZDOTDIR=" + home}, []string{"zsh", "-i"}
		},
		"fish": func(home string) ([]string, []string) {
			rc(home, "config.fish", kubectl+" completion fish | source\nfunction fish_prompt; echo -n '"+prompt+" '; end\nset -g fish_greeting\nset -g fish_autosuggestion_enabled 0\n")
			return []string{"XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_CACHE_HOME=" + home},
				[]string{"fish", "--no-config", "-i", "-C", "source " + filepath.Join(home, "config.fish")}
		},
	}
}

// withCompleter has completion install put its link into a folder of the test's, and returns the PATH with it.
func (l *lab) withCompleter(t *testing.T) (path string) {
	t.Helper()
	folder := t.TempDir()
	plugin := filepath.Join(folder, "kubectl-falcon")
	if err := os.Link(bin("kubectl-falcon"), plugin); err != nil {
		// The folder may be on another disk.
		content, err := os.ReadFile(bin("kubectl-falcon"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(plugin, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path = "PATH=" + folder + ":" + programs + ":" + os.Getenv("PATH")
	cmd := l.command(plugin, "completion", "install")
	cmd.Env = append(cmd.Env, path)
	r := finish(t, cmd)
	if r.code != 0 || r.stdout != filepath.Join(folder, "kubectl_complete-falcon")+" installed\n" {
		t.Fatalf("completion install: %v", r)
	}
	wantContains(t, "completion install", r.stderr, "completion uninstall")
	t.Cleanup(func() {
		cmd := l.command(plugin, "completion", "uninstall", "--dir", folder)
		if r := finish(t, cmd); r.code != 0 || !strings.HasSuffix(r.stdout, "kubectl_complete-falcon removed\n") {
			t.Errorf("completion uninstall: %v", r)
		}
	})
	return path
}

// TestCompletionInRealShells types into real shells, in which kubectl's own completion asks for ours.
func TestCompletionInRealShells(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "typing-tab")
	l.kubectl(t, "create", "deployment", "storefront", "-n", ns, "--image="+pauseImage)
	l.pod(t, ns, "lonely-pod")
	path := l.withCompleter(t)
	context := strings.TrimSpace(l.kubectl(t, "config", "current-context"))
	for name, start := range shells(t) {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			env, command := start(home)
			term := l.open(t, append(env, path, "HOME="+home, "PROMPT_COMMAND="), command...)
			term.completes("kubectl falcon explain-ch", "kubectl falcon explain-check")
			term.completes("kubectl falcon demo run root", "kubectl falcon demo run rootkit")
			term.completes("kubectl falcon aid -n typing-t", "kubectl falcon aid -n typing-tab")
			term.completes("kubectl falcon aid -n typing-tab lon", "kubectl falcon aid -n typing-tab lonely-pod")
			term.completes("kubectl falcon verify -n typing-tab deploy/stor", "kubectl falcon verify -n typing-tab deploy/storefront")
			term.completes("kubectl falcon status --context "+context[:len(context)-2], "kubectl falcon status --context "+context)
			term.completes("kubectl falcon aws cluster check --region af-", "kubectl falcon aws cluster check --region af-south-1")
			term.completes("kubectl falcon install --failure-policy Ig", "kubectl falcon install --failure-policy Ignore")
			term.offers("kubectl falcon explain-check FC10", "FC101", "FC104")
			term.offers("kubectl falcon aid --pod-", "--pod-timeout")
		})
	}
}

// TestCompletionWithADeadServer types with a server that takes connections and never answers: a second later the
// line can be typed on in, and nothing was printed into it.
func TestCompletionWithADeadServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	l := &lab{kubeconfig: write(t, "config", `{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}],
clusters: [{name: x, cluster: {server: "http://`+silent.Addr().String()+`"}}], users: [{name: x, user: {}}]}`)}
	path := l.withCompleter(t)
	folder, _, _ := strings.Cut(strings.TrimPrefix(path, "PATH="), ":")
	cmd := l.command(filepath.Join(folder, "kubectl_complete-falcon"), "aid", "-n", "default", "web")
	began := time.Now()
	r := finish(t, cmd)
	took := time.Since(began)
	t.Logf("answered after %s", took.Round(time.Millisecond))
	// Other tests keep the machine busy meanwhile.
	if took > 2*time.Second || r.code != 0 || r.stdout != ":4\n" || r.stderr != "" {
		t.Errorf("after %s: %v", took, r)
	}
	home := t.TempDir()
	env, command := shells(t)["bash"](home)
	term := l.open(t, append(env, path, "HOME="+home, "PROMPT_COMMAND="), command...)
	const typed = "kubectl falcon aid -n default web"
	term.clear()
	term.press(typed, "Tab")
	term.press("-1")
	term.wait("the line typed on", func(screen string) bool { return line(screen) == typed+"-1" })
	if screen := strings.TrimSpace(term.screen()); screen != prompt+" "+typed+"-1" {
		t.Errorf("there is something else on the screen:\n%s", screen)
	}
}
