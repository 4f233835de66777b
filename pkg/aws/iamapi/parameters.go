package iamapi

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
)

// parameters are the fields of an input that are set, as the query protocol names them: a field by its name, the
// third of a list Tags is Tags.member.3, and a field of that is Tags.member.3.Key (smithy.io, "AWS query
// protocol"). The SDK's names of fields are those of the API.
func parameters(in any) url.Values {
	all := url.Values{}
	fields(all, "", reflect.Indirect(reflect.ValueOf(in)))
	return all
}

func fields(all url.Values, prefix string, of reflect.Value) {
	for n := range of.NumField() {
		if field := of.Type().Field(n); field.IsExported() {
			add(all, prefix+field.Name, of.Field(n))
		}
	}
}

func add(all url.Values, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			add(all, name, v.Elem())
		}
	case reflect.Slice:
		for n := range v.Len() {
			add(all, name+".member."+strconv.Itoa(n+1), v.Index(n))
		}
	case reflect.Struct:
		fields(all, name+".", v)
	default:
		all.Set(name, fmt.Sprint(v.Interface()))
	}
}
