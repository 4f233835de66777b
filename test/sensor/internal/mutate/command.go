package mutate

import (
	"context"
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// ImageCommand is what an image runs when the pod says nothing.
type ImageCommand struct {
	Entrypoint []string
	Cmd        []string
}

// LookUp reads the command of an image from its registry.
type LookUp func(ctx context.Context, image string) (ImageCommand, error)

// wrapped returns the container's new command: the loader, then what the
// container would have run without it. The container's args stay as they are
// and so must not be repeated here.
func wrapped(ctx context.Context, container *corev1.Container, s Settings, lookUp LookUp) ([]string, error) {
	command := []string{path.Join(s.Mount, standin.EntrypointPath)}
	if len(container.Command) > 0 {
		// A command in the pod puts the image's entrypoint and its cmd aside.
		return append(command, container.Command...), nil
	}
	image, err := lookUp(ctx, container.Image)
	if err != nil {
		return nil, err
	}
	command = append(command, literal(image.Entrypoint)...)
	if len(container.Args) == 0 {
		command = append(command, literal(image.Cmd)...)
	}
	return command, nil
}

// literal keeps the kubelet from expanding $(NAME) in words that came from an
// image: it expands them in pods only.
func literal(words []string) []string {
	escaped := make([]string, len(words))
	for i, word := range words {
		escaped[i] = strings.ReplaceAll(word, "$", "$$")
	}
	return escaped
}

// denial words the refusal as the real injector does.
func denial(err error, container *corev1.Container, namespace, pod string) error {
	//lint:ignore ST1005 the API server shows these words to users as they are
	return fmt.Errorf("Failed to retrieve image details for %q in container %q in pod %q: %w",
		container.Image, container.Name, namespace+"/"+pod, err)
}
