// Command fakefalcon serves the stand-in of the Falcon API on this machine alone, so that anybody can try the
// commands without a subscription. It is not a CrowdStrike product: the hosts and alerts that it shows are
// invented for whatever agent id is asked about.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "fakefalcon:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. What a shell needs to use it goes to out.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("fakefalcon", flag.ContinueOnError)
	flags.SetOutput(errs)
	port := flags.Int("port", 0, "the port on the loopback address; 0 takes a free one")
	delay := flags.Duration("delay", 20*time.Second, "how long after it was first asked about an agent has an alert")
	cid := flags.String("cid", "0123456789ABCDEF0123456789ABCDEF-12", "the customer id")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// Never on another address: it takes any agent id for known.
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		return err
	}
	config := falconapi.Config{ID: "fake-falcon", Secret: rand.Text(), CID: *cid, Scopes: falconapi.AllScopes,
		RegistryToken: rand.Text(), AlertDelay: *delay, Obliging: true,
		Invented: invented()}
	fmt.Fprintf(out, "export FALCON_API_BASE=http://%s\nexport FALCON_CLIENT_ID=%s\nexport FALCON_CLIENT_SECRET=%s\n"+
		"export FALCON_CLOUD=us-1\nunset FALCON_MEMBER_CID\n", listener.Addr(), config.ID, config.Secret)
	fmt.Fprintln(errs, "# A stand-in of the Falcon API, not CrowdStrike's: what it shows is invented. Give the lines\n"+
		"# above to the shell that tries the commands. Ctrl-C ends it.")
	server := &http.Server{Handler: logged(falconapi.New(config), errs), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// invented are the alerts of all scenarios of the demo: which of them an agent ran is not known here.
func invented() (all []map[string]any) {
	severity := map[string]int{"Critical": 90, "High": 70, "Medium": 50}
	for _, scenario := range demo.Scenarios() {
		if scenario.ByHand() {
			continue
		}
		all = append(all, map[string]any{"name": scenario.Detection, "display_name": scenario.Detection,
			"description": "An invented alert: " + scenario.Does, "severity": severity[scenario.Severity],
			"severity_name": scenario.Severity, "tactic": "-", "technique": "-", "technique_id": ""})
	}
	return all
}

// logged writes the method and path of each request, which hold no secret.
func logged(next http.Handler, errs io.Writer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		fmt.Fprintf(errs, "%s %s %s\n", time.Now().Format(time.TimeOnly), r.Method, r.URL.Path)
	})
}
