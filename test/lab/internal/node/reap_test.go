package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// asInit makes this test program the first process of a lab, and asNode the node that it starts. They are
// programs of their own because the first process reaps every child it has, also those of other tests.
const (
	asInit = "NODE_TEST_AS_INIT"
	asNode = "NODE_TEST_AS_NODE"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asNode) != "":
		actAsNode()
	case os.Getenv(asInit) != "":
		actAsInit()
	default:
		os.Exit(m.Run())
	}
}

// actAsInit stands in for PID 1: orphans come to it as they do to the first process of a namespace.
func actAsInit() {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Println(err)
		os.Exit(99)
	}
	if err := os.Setenv(asNode, os.Getenv(asInit)); err != nil {
		fmt.Println(err)
		os.Exit(99)
	}
	code, err := Init([]string{os.Args[0], "spec"}, []*os.File{os.NewFile(3, "handed over")})
	if err != nil {
		fmt.Println(err)
		os.Exit(99)
	}
	os.Exit(code)
}

// actAsNode becomes the shell script it is given, with what it was handed as file 3.
func actAsNode() {
	if os.Args[1] != "spec" {
		fmt.Printf("arguments %q\n", os.Args)
		os.Exit(98)
	}
	fmt.Println(unix.Exec("/bin/sh", []string{"sh", "-c", os.Getenv(asNode)}, os.Environ()))
	os.Exit(97)
}

// runInit returns how the first process ended whose node is the script, and what the script wrote to file 3.
func runInit(t *testing.T, script string) (code int, told string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "told"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), asInit+"="+script, "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles = []*os.File{file}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if len(out) > 0 {
		t.Errorf("%s: it says %s", script, out)
	}
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(string(readFile(t, file.Name())))
}

func TestInitEndsAsTheNodeDoes(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 3": 3, "kill -TERM $$": 143, "kill -KILL $$": 137} {
		if code, told := runInit(t, "echo started >&3; "+script); code != want || told != "started" {
			t.Errorf("%s: exit code %d and %q, want %d", script, code, told, want)
		}
	}
}

// A shim leaves its processes to the first process; unreaped they would stay zombies as long as the lab lives.
func TestInitReapsOrphans(t *testing.T) {
	// The orphan is a grandchild. A zombie still has its folder in /proc, so the node waits until that is gone.
	const script = `orphan=$(sh -c 'sleep 0 >/dev/null & echo $!')
while [ -e /proc/$orphan ]; do [ $((n+=1)) -lt 3000 ] || exit 9; sleep 0.01; done
echo "reaped" >&3; exit 5`
	if code, told := runInit(t, script); code != 5 || told != "reaped" {
		t.Errorf("exit code %d and %q", code, told)
	}
}
