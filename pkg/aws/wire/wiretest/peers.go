package wiretest

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Peers are a client of ours and the SDK's of the same service, which both ask the server.
type Peers struct {
	Server    *Server
	Ours, SDK any
}

// Operations are those that our client has.
func (p Peers) Operations() []string {
	var names []string
	for n := range reflect.TypeOf(p.Ours).NumMethod() {
		names = append(names, reflect.TypeOf(p.Ours).Method(n).Name)
	}
	return names
}

// Input is an empty one of an operation.
func (p Peers) Input(operation string) any {
	return reflect.New(reflect.ValueOf(p.SDK).MethodByName(operation).Type().In(1).Elem()).Interface()
}

// Output is the type of what an operation returns.
func (p Peers) Output(operation string) reflect.Type {
	return reflect.ValueOf(p.SDK).MethodByName(operation).Type().Out(0).Elem()
}

// Same asks both the same, and fails the test if they do not send the same or do not make the same of the answer.
// It returns what both returned.
func (p Peers) Same(t *testing.T, operation string, in any, answer Answer) (any, error) {
	t.Helper()
	p.Server.Answer(answer)
	want, wantErr := ask(t, p.SDK, operation, in)
	asked := p.Server.Seen()
	p.Server.Answer(answer)
	got, err := ask(t, p.Ours, operation, in)
	if sent := p.Server.Seen(); len(sent) != 1 || !reflect.DeepEqual(sent, asked) {
		t.Errorf("%s sent\n%+v, the SDK sends\n%+v", operation, sent, asked)
	}
	if !slices.Equal(said(err), said(wantErr)) {
		t.Errorf("%s returned the error %q: %v, the SDK %q: %v", operation, said(err), err, said(wantErr), wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("%s returned\n%s, the SDK\n%s", operation, JSON(got), JSON(want))
	}
	return got, err
}

func ask(t *testing.T, client any, operation string, in any) (any, error) {
	t.Helper()
	// The SDK fills in what is missing, so that each gets a copy.
	own := reflect.New(reflect.TypeOf(in).Elem())
	own.Elem().Set(reflect.ValueOf(in).Elem())
	out := reflect.ValueOf(client).MethodByName(operation).Call([]reflect.Value{reflect.ValueOf(t.Context()), own})
	err, _ := out[1].Interface().(error)
	if err != nil {
		if !out[0].IsNil() {
			t.Errorf("%s returned an error and a result", operation)
		}
		return nil, err
	}
	out[0].Elem().FieldByName("ResultMetadata").SetZero()
	return out[0].Interface(), nil
}

// said is what is read of errors.
func said(err error) []string {
	if err == nil {
		return nil
	}
	var all []string
	if call, ok := errors.AsType[*smithy.OperationError](err); ok {
		all = append(all, call.ServiceID, call.OperationName)
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		all = append(all, answer.ErrorCode(), answer.ErrorMessage())
	} else if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		all = append(all, "no answer")
	}
	var request interface{ ServiceRequestID() string }
	if errors.As(err, &request) {
		all = append(all, request.ServiceRequestID())
	}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		all = append(all, response.Response.Status)
	}
	return all
}
