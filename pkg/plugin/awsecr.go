package plugin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// newECR is `aws ecr`: the repository of the sensor's image.
func newECR(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ecr",
		Short: "Make, look at and remove a repository for the image in ECR",
		Long: "Make, look at and remove a repository for the sensor's image in Amazon ECR, and\n" +
			"what is in it. kubectl falcon sensor push puts the image there, and logs in by\n" +
			"itself.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newECREnsure(s), newECRLogin(s), newECRImages(s), newECRDeleteImage(s), newECRDelete(s))
	return cmd
}

// ecrFlags are those of commands that change something in ECR.
type ecrFlags struct {
	*awsFlags
	dryRun string
	yes    bool
	format *term.Format
}

// ecrFlagsOf adds the flags to a command; asks says whether it asks before it begins.
func ecrFlagsOf(cmd *cobra.Command, command string, asks bool) *ecrFlags {
	f := &ecrFlags{awsFlags: awsFlagsOf(cmd, command), dryRun: dryRunNone}
	cmd.Flags().Var(text[string]{to: &f.dryRun, words: []string{dryRunNone, dryRunClient}}, "dry-run", "only say what would be called in AWS")
	cmd.Flags().Lookup("dry-run").NoOptDefVal = dryRunClient
	if asks {
		cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask before it begins")
	}
	f.format = formatFlag(cmd)
	return f
}

func (f *ecrFlags) dry() bool { return f.dryRun != dryRunNone }

// ecrClient makes a client whose events are shown on stderr until endProgress.
func (s *session) ecrClient(ctx context.Context, f *awsFlags) (*aws.Session, *ecr.Client, error) {
	account, err := s.awsSession(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	return account, ecr.New(account, ecr.Connect(account), awsReporter(s.quietProgress())), nil
}

func newECREnsure(s *session) *cobra.Command {
	w := ecr.Wanted{}
	cmd := &cobra.Command{
		Use:   "ensure NAME",
		Short: "Make the repository, or bring it to its settings; prints its URI",
		Long: "Make the repository NAME in ECR, with immutable tags, a scan of each image and\n" +
			"encryption, and print its URI. One that was made by this command is brought to\n" +
			"the settings given; of one that somebody else made it says what differs, and\n" +
			"changes that only with --update. It can be run again at any time.\n\n" +
			"Without --keep and --expire-untagged the lifecycle of images is left as it is.",
		Args: arguments("NAME"),
	}
	flags := cmd.Flags()
	flags.BoolVar(&w.MutableTags, "mutable-tags", false, "let tags be moved to other images")
	flags.BoolVar(&w.NoScan, "no-scan", false, "do not scan images for weaknesses when they come")
	flags.StringVar(&w.Key, "kms-key", "", "encrypt with this `KEY` of KMS ("+ecr.DefaultKey+" is AWS's own)\nin place of AES256")
	flags.IntVar(&w.Keep, "keep", 0, "how many images stay; older ones go by themselves")
	flags.IntVar(&w.Untagged, "expire-untagged", 0, "after how many days images without a tag go")
	flags.StringSliceVar(&w.Accounts, "allow-account", nil, "other `ACCOUNT`s that may pull, with commas between them")
	flags.BoolVar(&w.Update, "update", false, "also change what somebody else made or set")
	f := ecrFlagsOf(cmd, "ecr ensure", false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		w.Name, w.DryRun, w.Version = args[0], f.dry(), version().Version
		if err := ecr.CheckName(w.Name); err != nil {
			return err
		}
		s.resumes = !w.DryRun
		return s.ecrEnsure(cmd.Context(), f, w)
	}
	return cmd
}

func (s *session) ecrEnsure(ctx context.Context, f *ecrFlags, w ecr.Wanted) error {
	_, client, err := s.ecrClient(ctx, f.awsFlags)
	if err != nil {
		return err
	}
	defer s.endProgress()
	done, err := client.Ensure(ctx, w)
	s.endProgress()
	if err != nil {
		return err
	}
	for _, d := range done.Left {
		next := "; --update changes it"
		if strings.Contains(d.Why, "cannot be changed") {
			next = ""
		}
		s.remark("left: %s is %s, wanted is %s: %s%s", d.Setting, d.Is, d.Wanted, d.Why, next)
	}
	switch {
	case *f.format != term.Table:
		return term.Structured(s.Out, *f.format, done)
	case done.DryRun:
		return s.printSteps(done.Steps)
	}
	_, err = fmt.Fprintln(s.Out, done.Repository.URI)
	return err
}

func newECRLogin(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login-check",
		Short: "Get a token for ECR and see whether the registry takes it",
		Long: "Get a token for the account's registry in ECR and see whether the registry, on a\n" +
			"host of its own beside AWS's API, can be reached and takes it. The token is not\n" +
			"shown or kept: sensor push gets one of its own.",
		Args: arguments(),
	}
	f := awsFlagsOf(cmd, "ecr login-check")
	format := formatFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return s.ecrLogin(cmd.Context(), f, *format) }
	return cmd
}

func (s *session) ecrLogin(ctx context.Context, f *awsFlags, format term.Format) error {
	account, client, err := s.ecrClient(ctx, f)
	if err != nil {
		return err
	}
	who, err := account.Identity(ctx)
	if err != nil {
		return err
	}
	login, err := client.Login(ctx)
	if err != nil {
		return err
	}
	if err := login.Try(ctx, http.DefaultTransport); err != nil {
		return err
	}
	if format != term.Table {
		return term.Structured(s.Out, format, map[string]any{"registry": login.Host, "region": account.Region, "expiresAt": login.Expires, "identity": who})
	}
	s.remark("the login is good until %s, as %s", login.Expires.Format(time.RFC3339), who.ARN)
	_, err = fmt.Fprintln(s.Out, login.Host)
	return err
}

// printSteps shows what a run would call.
func (s *session) printSteps(steps []aws.Step) error {
	if len(steps) == 0 {
		s.remark("nothing would be changed")
		return nil
	}
	rows := make([][]string, 0, len(steps))
	for _, one := range steps {
		rows = append(rows, []string{one.Action, one.On, one.Why})
	}
	return term.Rows(s.Out, []string{"WOULD CALL", "ON", "TO"}, rows)
}

// agreeToDelete asks before something is deleted, unless --yes was given.
func (s *session) agreeToDelete(ctx context.Context, f *ecrFlags, what string) error {
	_, err := s.agree(ctx, &eksFlags{yes: f.yes}, what)
	return err
}
