package plugin

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// complete reads what the flags name and finds everything wrong that can be found without a cluster.
func (f *installFlags) complete(flags *pflag.FlagSet) error {
	if err := f.read(flags); err != nil {
		return err
	}
	return f.validate()
}

// read reads what the flags name, without asking whether it is enough.
func (f *installFlags) read(flags *pflag.FlagSet) error {
	if err := f.checkModes(flags); err != nil {
		return err
	}
	if err := f.readFlagFile(flags); err != nil {
		return err
	}
	if err := f.readFiles(flags); err != nil {
		return err
	}
	f.o.Inputs = inputs(flags)
	f.how.Version = version().Version
	for _, find := range []struct {
		credential
		written string
		value   *string
	}{
		{cidCredential, f.cid, &f.o.CID},
		{tokenCredential, f.token, &f.o.ProvisioningToken},
	} {
		if err := f.readCredential(flags, find.credential, find.written, find.value); err != nil {
			return err
		}
	}
	return nil
}

// checkModes refuses what cannot be had together.
func (f *installFlags) checkModes(flags *pflag.FlagSet) error {
	bad := func(next, what string) error { return problem.New(problem.BadInput, next, "%s", what) }
	switch {
	case f.diff && f.output != "":
		return bad("leave one of them out", "--diff and -o do not go together: both print the objects")
	case f.diff && flags.Changed("dry-run") && f.dryRun != dryRunServer:
		return bad("leave --dry-run out", "--diff compares with the server's dry run, so it does not go with --dry-run="+f.dryRun)
	case f.showSecrets && !f.diff && f.output != outputYAML && f.output != outputJSON:
		return bad("add -o yaml, -o json or --diff", "--show-secrets: no secret is printed anyway")
	case flags.Changed("filename") && f.filename == "":
		return bad("write -f FILE, or -f - for stdin", "--filename names no file")
	}
	return nil
}

func (f *installFlags) readFlagFile(flags *pflag.FlagSet) error {
	if f.filename == "" {
		return nil
	}
	name, who := f.filename, "--filename "+f.filename
	var content []byte
	var err error
	if name == fromStdin {
		name = "stdin"
		content, err = f.stdin.read(who)
	} else {
		content, err = readFile(who, name)
	}
	if err != nil {
		return err
	}
	return fileReader{name: name, command: f.command, flags: flags, origin: f.origin}.read(content)
}

// given says how the user gave a flag.
func (f *installFlags) given(flag string) string {
	if place, ok := f.origin[flag]; ok {
		return place
	}
	return "--" + flag
}

// readFiles reads the files that flags name.
func (f *installFlags) readFiles(flags *pflag.FlagSet) (err error) {
	for _, file := range []struct {
		flag, name string
		content    *[]byte
	}{
		{"pull-secret-file", f.pullSecretFile, &f.o.PullSecretConfig},
		{"registry-ca", f.registryCA, &f.o.RegistryCA},
	} {
		if !flags.Changed(file.flag) {
			continue
		}
		if *file.content, err = readFile(f.given(file.flag)+" "+file.name, file.name); err != nil {
			return err
		}
	}
	if flags.Changed("pull-secret-file") && !flags.Changed("pull-secret") {
		f.o.PullSecret = manifest.DefaultPullSecret
	}
	return nil
}

// readCredential finds a credential, or keeps its source for when there is a cluster.
func (f *installFlags) readCredential(flags *pflag.FlagSet, c credential, written string, value *string) error {
	var s source
	switch {
	case flags.Changed(c.flag):
		var err error
		if s, err = c.parse(f.given(c.flag), written); err != nil {
			return err
		}
	case strings.TrimSpace(os.Getenv(c.env)) != "":
		s = source{credential: c, given: "without --" + c.flag, kind: fromEnv, name: c.env}
	default:
		return nil
	}
	f.sources = append(f.sources, s)
	if s.kind == fromSecret {
		return nil
	}
	var err error
	if *value, err = s.local(&f.stdin); err != nil {
		return err
	}
	return s.check(*value)
}

// check refuses a customer id of the wrong form without showing it: something else, and secret, may have
// been in its place. One that was written on the command line is shown by the options' own check.
func (s source) check(value string) error {
	o := manifest.Defaults()
	// With an image nothing but the customer id can be wrong.
	o.CID, o.Image = value, "image"
	if s.flag != cidCredential.flag || s.kind == literal || o.Validate() == nil {
		return nil
	}
	return problem.New(problem.BadInput, "copy it whole from the Falcon console, under sensor downloads",
		"%s: what it holds is not a customer id: that has 32 hexadecimal digits, a dash and 2 more", s)
}

// anyCID stands for one that only the cluster knows.
const anyCID = "00000000000000000000000000000000-00"

// validate checks the options as far as they are known.
func (f *installFlags) validate() error {
	o := f.o
	for _, s := range f.sources {
		if s.kind == fromSecret && s.flag == cidCredential.flag {
			o.CID = anyCID
		}
	}
	return o.Validate()
}

// needsCluster says whether there is something to do that needs a cluster.
func (f *installFlags) needsCluster() bool {
	return f.dryRun != dryRunClient || slices.ContainsFunc(f.sources, func(s source) bool { return s.kind == fromSecret })
}

// fetch reads the credentials that are in the cluster.
func (f *installFlags) fetch(ctx context.Context, c *kube.Cluster) error {
	for _, s := range f.sources {
		if s.kind != fromSecret {
			continue
		}
		value, err := s.remote(ctx, c)
		if err != nil {
			return err
		}
		if err := s.check(value); err != nil {
			return err
		}
		if s.flag == cidCredential.flag {
			f.o.CID = value
		} else {
			f.o.ProvisioningToken = value
		}
	}
	return f.o.Validate()
}

// inputs are what the user set, for the record of the installation: without the two credentials, of files
// their names, of falconctl's options the keys, since a value may be secret, and without what is about one run, so that another --timeout changes no record.
func inputs(flags *pflag.FlagSet) map[string]string {
	all := map[string]string{}
	flags.VisitAll(func(flag *pflag.Flag) {
		group := flag.Annotations[FlagGroup]
		if !flag.Changed || len(group) == 0 || group[0] == runHeading || group[0] == guideHeading ||
			flag.Name == cidCredential.flag || flag.Name == tokenCredential.flag {
			return
		}
		all[flag.Name] = flag.Value.String()
		if options, ok := flag.Value.(pairs); ok && flag.Name == falconctlFlag {
			all[flag.Name] = strings.Join(slices.Sorted(maps.Keys(*options.to)), ",")
		}
	})
	return all
}
