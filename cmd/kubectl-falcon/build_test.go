package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// maxSize bounds the released binary: what is downloaded, and read from disk at each start.
const maxSize = 40_000_000

// programs is the folder of what was built, built says what is there: linking takes seconds, so tests
// share programs.
var (
	programs string
	built    = map[[3]string]string{}
)

func TestMain(m *testing.M) {
	if asked := os.Getenv(insideVar); asked != "" {
		if err := inside(asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "kubectl-falcon-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// build compiles a package as releases are and returns the program's file. The flags are the Makefile's,
// so that both use what the compiler has cached.
func build(t *testing.T, platform, ldflags, pkg string) string {
	t.Helper()
	key := [3]string{platform, ldflags, pkg}
	if file, ok := built[key]; ok {
		return file
	}
	file := filepath.Join(programs, fmt.Sprint("program-", len(built)))
	goCommand(t, platform, "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", file, pkg)
	built[key] = file
	return file
}

// native is the program for this machine.
func native(t *testing.T) string { return build(t, runtime.GOOS+"/"+runtime.GOARCH, "", ".") }

// released is the platform for which the binary's limits hold, in the form of runtime.GOOS/GOARCH.
const released = "linux/amd64"

// goCommand runs the go command for a platform and returns what it printed on stdout.
func goCommand(t *testing.T, platform string, args ...string) string {
	t.Helper()
	goos, goarch, _ := strings.Cut(platform, "/")
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+goos, "GOARCH="+goarch)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.String()
}

// Each of these costs tens of megabytes or start-up time, and comes in by one careless import.
func TestBinaryDependsOnNothingHeavy(t *testing.T) {
	packages := strings.Fields(goCommand(t, released, "list", "-deps", "."))
	found := map[string]bool{}
	for _, p := range packages {
		found[p] = true
		// docker's engine and its commands; the packages that read its configuration are how credentials for
		// registries are found.
		// Of AWS's clients, EC2's takes gigabytes to compile, and ECR's builds its schemas at each start.
		// client-go's own clients register every kind of every version: see pkg/kube/clientset.
		for _, heavy := range []string{"k8s.io/kubectl", "k8s.io/client-go/kubernetes", "k8s.io/client-go/discovery",
			"sigs.k8s.io/controller-runtime", "github.com/docker/docker",
			"github.com/docker/cli/cli/command", "github.com/moby/moby",
			"github.com/aws/aws-sdk-go-v2/service/ec2", "github.com/aws/aws-sdk-go-v2/service/ecr"} {
			if p == heavy || strings.HasPrefix(p, heavy+"/") {
				t.Errorf("the binary depends on %s", p)
			}
		}
	}
	// Were the list not the binary's, nothing heavy would be in it either.
	for _, needed := range []string{"github.com/kubectl-falcon/kubectl-falcon/pkg/plugin", "k8s.io/client-go/gentype", "github.com/spf13/cobra"} {
		if !found[needed] {
			t.Errorf("%s is not among the %d dependencies", needed, len(packages))
		}
	}
}

// executesTemplates is a program that does what ours must not.
const executesTemplates = `package main

import (
	"os"
	"text/template"
)

func main() { _ = template.Must(template.New("x").Parse(os.Args[0])).Execute(os.Stdout, nil) }
`

// A template calls methods by their names, so the linker must keep every exported method of everything:
// with client-go that doubles the binary.
func TestBinaryCannotExecuteTemplates(t *testing.T) {
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte(executesTemplates), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := templateSymbols(t, build(t, released, "", source)); len(found) == 0 {
		t.Fatal("the check does not find the execution of templates in a program that executes one")
	}
	if found := templateSymbols(t, build(t, released, "", ".")); len(found) > 0 {
		t.Errorf("the binary has %s", strings.Join(found, ", "))
	}
}

// templateSymbols returns the functions of text/template's execution that are linked into a program.
func templateSymbols(t *testing.T, file string) (found []string) {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	hasMain := false
	for _, s := range symbols {
		switch s.Name {
		case "main.main":
			hasMain = true
		case "text/template.(*Template).execute", "text/template.(*state).walk":
			found = append(found, s.Name)
		}
	}
	if !hasMain {
		t.Fatalf("%s has no main.main among its %d symbols, so nothing can be said", file, len(symbols))
	}
	return found
}

func TestReleasedBinaryIsSmall(t *testing.T) {
	info, err := os.Stat(build(t, released, "-s -w", "."))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, stripped: %d bytes", released, info.Size())
	if info.Size() >= maxSize {
		t.Errorf("the released binary has %d bytes, the limit is %d", info.Size(), maxSize)
	}
	// A program of a few kilobytes would be another than ours.
	if info.Size() < maxSize/20 {
		t.Errorf("the released binary has only %d bytes", info.Size())
	}
}
