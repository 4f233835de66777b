package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const commitDate = "2026-01-02T03:04:05+02:00"

func TestEachCommandHasAManPage(t *testing.T) {
	folder := t.TempDir()
	if err := write(folder, commitDate); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubectl-falcon.1", "kubectl-falcon-install.1", "kubectl-falcon-certs-rotate.1"} {
		page, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if text := string(page); !strings.Contains(text, `.TH "`) || !strings.Contains(text, "Jan 2026") {
			t.Errorf("%s is no man page of the commit's date:\n%.300s", name, text)
		}
	}
}

// Archives of two builds of a commit must be the same bytes.
func TestManPagesAreTheSameEachTime(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, folder := range []string{first, second} {
		if err := write(folder, commitDate); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob(filepath.Join(first, "*.1"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		a, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(second, filepath.Base(page)))
		if err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Errorf("%s differs", filepath.Base(page))
		}
	}
}

func TestWithoutADateNothingIsWritten(t *testing.T) {
	folder := t.TempDir()
	if err := write(folder, "yesterday"); err == nil || !strings.Contains(err.Error(), "-date") {
		t.Errorf("the error is %v", err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) > 0 {
		t.Errorf("%d files, %v", len(files), err)
	}
}
