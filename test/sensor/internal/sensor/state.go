package sensor

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// State is the directory that lives as long as the pod. The sensor writes to
// it, falconctl reads from it.
type State struct{ dir string }

// OpenState names the directory; it does not touch it.
func OpenState(env standin.Env) State {
	return State{dir: env.Get(standin.EnvStateDir, standin.DefaultStateDir)}
}

func (s State) file() string { return filepath.Join(s.dir, "aid") }

// AID returns the agent id, or nothing while there is none.
func (s State) AID() (string, error) {
	text, err := os.ReadFile(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the agent id: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// register keeps the agent id there is, so that it survives restarts of the
// container, and otherwise stores fixed or a random one.
func (s State) register(fixed string) (string, error) {
	if aid, err := s.AID(); err != nil || aid != "" {
		return aid, err
	}
	aid := fixed
	if aid == "" {
		random := make([]byte, 16)
		// rand.Read never fails: it ends the program instead.
		_, _ = rand.Read(random)
		aid = hex.EncodeToString(random)
	}
	return aid, s.store(aid)
}

// store writes beside the file and renames, so that a reader never sees half an
// id.
func (s State) store(aid string) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("store the agent id: %w", err)
	}
	temp, err := os.CreateTemp(s.dir, "aid.*")
	if err != nil {
		return fmt.Errorf("store the agent id: %w", err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(aid + "\n")
	if err = errors.Join(err, temp.Chmod(0o644), temp.Close()); err != nil {
		return fmt.Errorf("store the agent id: %w", err)
	}
	if err := os.Rename(temp.Name(), s.file()); err != nil {
		return fmt.Errorf("store the agent id: %w", err)
	}
	return nil
}
