// Package iamapi asks the identity service with the structures of the SDK, but without the SDK's client of it,
// which is most of a megabyte of a program. It has the operations that are used.
//
// What is sent and what comes back is as the IAM API reference has it at each action. As with the SDK's client,
// policy documents in answers come as IAM writes them, URL-encoded, and errors are smithy.APIErrors; these are not
// of the SDK's types for single codes, though, and the output's ResultMetadata is empty. Options of single calls
// are accepted, so that interfaces are satisfied, and ignored.
package iamapi

import (
	"context"
	"encoding/xml"
	"fmt"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
)

// version is that of the IAM API.
const version = "2010-05-08"

// Client asks IAM.
type Client struct{ wire *wire.Client }

// New makes a client.
func New(s wire.Settings) *Client {
	return &Client{wire.New(wire.Service{ID: "IAM", Signs: "iam", At: place}, s)}
}

// place is where IAM is, which has one endpoint in a partition (docs.aws.amazon.com/general, "AWS Identity and
// Access Management endpoints and quotas", and the SDK's rules for the partitions that this leaves out).
func place(w wire.Wanted) wire.Place {
	at := wire.Place{Region: map[string]string{"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1",
		"aws-iso": "us-iso-east-1", "aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1",
		"aws-eusc": "eusc-de-east-1"}[w.Partition.Name]}
	begin, middle := "iam", ""
	if w.FIPS {
		begin = "iam-fips"
	}
	switch name := w.Partition.Name; {
	case name == "aws-us-gov":
		begin, middle = "iam", ".us-gov"
	case w.Dual && (name == "aws" || !w.FIPS && (name == "aws-cn" || name == "aws-eusc")):
		middle = ".global"
	case !w.Dual && name != "aws" && (!w.FIPS || name == "aws-iso" || name == "aws-iso-b"):
		middle = "." + at.Region
	}
	at.Host = begin + middle + "." + w.End()
	return at
}

// answer is what IAM's have around their result, the element of which is called after the operation.
type answer[T any] struct {
	XMLName  xml.Name
	Result   T `xml:",any"`
	Metadata struct {
		Request string `xml:"RequestId"`
	} `xml:"ResponseMetadata"`
}

// none is the result of an operation that has none.
type none struct{}

// call calls an operation with the fields of in, a pointer to one of the SDK's inputs, and reads its result.
func call[T any](ctx context.Context, c *Client, operation string, in any) (*T, error) {
	read := answered[T]{operation: operation}
	if err := c.wire.Query(ctx, version, operation, parameters(in), &read); err != nil {
		return nil, err
	}
	return &read.answer.Result, nil
}

// answered is an answer that must be one to the operation, and no page of something on the way.
type answered[T any] struct {
	operation string
	answer    answer[T]
}

// UnmarshalXML reads the answer.
func (a *answered[T]) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	if start.Name.Local != a.operation+"Response" {
		return fmt.Errorf("a document %s in place of an answer to %s", start.Name.Local, a.operation)
	}
	return d.DecodeElement(&a.answer, &start)
}
