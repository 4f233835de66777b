package cloud

import (
	"context"
	"reflect"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

func TestRulesOfTCP(t *testing.T) {
	port := func(n int32) *int32 { return &n }
	got := rules([]ec2query.Permission{
		{Protocol: "-1", Groups: []string{"sg-1"}},
		{Protocol: "tcp", From: port(443), To: port(4433), Ranges: []string{"10.0.0.0/8"}, Ranges6: []string{"::/0"}, Lists: []string{"pl-1"}},
		{Protocol: "udp", From: port(53), To: port(53), Ranges: []string{"0.0.0.0/0"}},
		{Protocol: "6", From: port(1), To: port(2)},
	})
	want := []verify.Rule{{To: 65535, Groups: []string{"sg-1"}, Addresses: []string{}},
		{From: 443, To: 4433, Addresses: []string{"10.0.0.0/8", "::/0", "pl-1"}}, {From: 1, To: 2, Addresses: []string{}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// Where there is no cluster of EKS, or no session, nobody is asked.
func TestWithoutAPlaceOrASession(t *testing.T) {
	a := Account{Connect: func(context.Context, string) (*aws.Session, error) {
		return nil, problem.New(problem.NoAccess, "log in", "there are no credentials")
	}}
	if got, err := a.Look(t.Context(), verify.InAWS{}); err != nil || got.Elsewhere == "" {
		t.Errorf("got %+v, %v", got, err)
	}
	a.Place = aws.Place{Cluster: "shop", Region: "eu-west-1", Account: "1"}
	got, err := a.Look(t.Context(), verify.InAWS{})
	if err != nil || got.Elsewhere != "" || got.Unknown[verify.AWSSession] != "there are no credentials; log in" || got.Cluster != "shop" || got.Owner != "1" {
		t.Errorf("got %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Look(ctx, verify.InAWS{}); err == nil {
		t.Error("a run that was stopped goes on")
	}
}
