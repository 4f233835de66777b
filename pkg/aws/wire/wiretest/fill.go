package wiretest

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
)

// word is in all texts that are made up; it has what has to be escaped in paths, forms, JSON and XML.
const word = `a b/c:d+é&<"%2F`

var moment = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// Fill sets all fields of what a pointer points to, and all in these.
func Fill(in any) { fill(reflect.ValueOf(in).Elem(), word) }

func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(moment))
			return
		}
		for n := range v.NumField() {
			if field := v.Type().Field(n); field.IsExported() && field.Name != "ResultMetadata" {
				fill(v.Field(n), field.Name+" "+text)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), "1 "+text)
		fill(v.Index(1), "2 "+text)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key "+text), reflect.ValueOf(text))
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32:
		v.SetInt(7)
	default:
		panic("nothing to fill a " + v.Type().String() + " with")
	}
}

// Whole is an output of a type with all fields set.
func Whole(output reflect.Type) any {
	out := reflect.New(output)
	fill(out.Elem(), word)
	return out.Interface()
}

// RESTAnswer writes an output as a service writes it that speaks REST with JSON.
func RESTAnswer(out any) string { return JSON(plain(reflect.ValueOf(out))) }

func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		return plain(v.Elem())
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			return float64(at.UnixMilli()) / 1000
		}
		o := map[string]any{}
		each(v, func(name string, field reflect.Value) {
			o[string(unicode.ToLower(rune(name[0])))+name[1:]] = plain(field)
		})
		return o
	case reflect.Slice:
		var all []any
		for n := range v.Len() {
			all = append(all, plain(v.Index(n)))
		}
		return all
	}
	return v.Interface()
}

// QueryAnswer writes an output as a service writes it that speaks the query protocol.
func QueryAnswer(operation string, out any) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<%sResponse xmlns=\"https://example.com/doc/2010-05-08/\">\n  <%[1]sResult>", operation)
	element(&b, reflect.ValueOf(out))
	fmt.Fprintf(&b, "</%sResult>\n  <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>\n</%[1]sResponse>\n", operation)
	return b.String()
}

func element(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		element(b, v.Elem())
	case reflect.Slice:
		for n := range v.Len() {
			b.WriteString("\n<member>")
			element(b, v.Index(n))
			b.WriteString("</member>")
		}
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			b.WriteString(at.Format(time.RFC3339))
			return
		}
		each(v, func(name string, field reflect.Value) {
			b.WriteString("<" + name + ">")
			element(b, field)
			b.WriteString("</" + name + ">\n")
		})
	default:
		_ = xml.EscapeText(b, fmt.Append(nil, v.Interface()))
	}
}

// each calls for each field of a structure of the SDK's that is of the service.
func each(v reflect.Value, do func(name string, field reflect.Value)) {
	for n := range v.NumField() {
		if field := v.Type().Field(n); field.IsExported() && field.Name != "ResultMetadata" {
			do(field.Name, v.Field(n))
		}
	}
}

// JSON writes anything for reports of tests.
func JSON(v any) string {
	content, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// Whole asks both for each operation with all fields of the input set, and answers with all of the output.
func (p Peers) Whole(t *testing.T, write func(operation string, out any) string) {
	for _, operation := range p.Operations() {
		t.Run(operation, func(t *testing.T) {
			in, want := p.Input(operation), Whole(p.Output(operation))
			Fill(in)
			got, err := p.Same(t, operation, in, Answer{Body: write(operation, want)})
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %v,\n%s, want\n%s", err, JSON(got), JSON(want))
			}
		})
	}
}
