package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/images"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/node"
)

func loadImageCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "load-image TARBALL...",
		Short: "Put the images of docker-archive tarballs into the lab's registry and print their names there",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, l, err := open(*name)
			if err != nil {
				return err
			}
			for _, file := range args {
				loaded, err := images.Load(cmd.Context(), file, fmt.Sprintf("127.0.0.1:%d", l.Registry))
				if err != nil {
					return err
				}
				for _, image := range loaded {
					fmt.Fprintln(cmd.OutOrStdout(), node.RegistryHost+"/"+image)
				}
			}
			return nil
		},
	}
}

type packOptions struct {
	output, tag  string
	links, texts []string
	dirs         []string
	contents     images.Contents
	labels       []string
}

func packImageCommand() *cobra.Command {
	var o packOptions
	cmd := &cobra.Command{
		Use:   "pack-image --output TARBALL --tag NAME:TAG FILE=PATH...",
		Short: "Make a docker-archive tarball of an image from static programs",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return pack(o, args)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "the tarball to write")
	f.StringVar(&o.tag, "tag", "", "the image's name and tag")
	f.StringArrayVar(&o.links, "link", nil, "a symbolic link, as PATH=TARGET")
	f.StringArrayVar(&o.texts, "text", nil, "a small file, as PATH=CONTENT")
	f.StringArrayVar(&o.dirs, "dir", nil, "an empty folder, as PATH=OCTAL-MODE")
	f.StringArrayVar(&o.labels, "label", nil, "an image label, as KEY=VALUE")
	f.StringArrayVar(&o.contents.Env, "env", nil, "a variable of the image, as KEY=VALUE")
	f.StringArrayVar(&o.contents.Entrypoint, "entrypoint", nil, "the entrypoint, one word each")
	for _, name := range []string{"output", "tag"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
	return cmd
}

func pack(o packOptions, programs []string) error {
	c := o.contents
	var err error
	for _, m := range []struct {
		target *map[string]string
		pairs  []string
	}{{&c.Links, o.links}, {&c.Texts, o.texts}, {&c.Labels, o.labels}} {
		if *m.target, err = pairs(m.pairs); err != nil {
			return err
		}
	}
	sources, err := pairs(programs)
	if err != nil {
		return err
	}
	c.Programs = map[string]string{}
	for source, path := range sources {
		c.Programs[path] = source
	}
	modes, err := pairs(o.dirs)
	if err != nil {
		return err
	}
	c.Dirs = map[string]int64{}
	for path, mode := range modes {
		if c.Dirs[path], err = strconv.ParseInt(mode, 8, 32); err != nil {
			return fmt.Errorf("mode %q of %s: use an octal number such as 1777", mode, path)
		}
	}
	image, err := images.Build(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.output), 0o755); err != nil {
		return err
	}
	return images.Save(o.output, o.tag, image)
}

func pairs(args []string) (map[string]string, error) {
	m := make(map[string]string, len(args))
	for _, a := range args {
		key, value, found := strings.Cut(a, "=")
		if !found || key == "" {
			return nil, fmt.Errorf("%q: write it as KEY=VALUE", a)
		}
		m[key] = value
	}
	return m, nil
}
