package term

import (
	"context"
	"errors"
	"io"
	"os"

	xterm "golang.org/x/term"
)

// Key waits for a key to be pressed on the terminal that in is, or for the context to end.
func Key(ctx context.Context, in io.Reader) error {
	file, ok := in.(*os.File)
	if !ok {
		return errors.New("no terminal")
	}
	fd := int(file.Fd())
	// Otherwise the terminal would keep everything to itself until Enter.
	before, err := xterm.MakeRaw(fd)
	if err != nil {
		return err
	}
	defer func() { _ = xterm.Restore(fd, before) }()
	pressed := make(chan error, 1)
	go func() {
		_, err := file.Read(make([]byte, 16))
		pressed <- err
	}()
	select {
	case err := <-pressed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
