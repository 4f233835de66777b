package plugin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The kinds of value that flags of install have. The text of each is the same however it was written, so
// that the record of an installation changes only when its meaning does.

// text is the value of a flag that takes a text, or one of some words.
type text[T ~string] struct {
	to *T
	// words, if there are any, are all that the value may be; help shows kind for it, or else the words.
	kind  string
	words []string
}

// String returns the text.
func (t text[T]) String() string { return string(*t.to) }

// Type is what help shows for the value.
func (t text[T]) Type() string {
	if t.kind == "" {
		return strings.Join(t.words, "|")
	}
	return t.kind
}

// Set takes the text, or refuses one that is none of the words.
func (t text[T]) Set(value string) error {
	if len(t.words) > 0 && !slices.Contains(t.words, value) {
		return errors.New("use " + strings.Join(t.words[:len(t.words)-1], ", ") + " or " + t.words[len(t.words)-1])
	}
	*t.to = T(value)
	return nil
}

// choices are the words, for completion.
func (t text[T]) choices() []string { return t.words }

// number is the value of a flag that takes a whole number.
type number struct{ to *int32 }

// String returns the number.
func (n number) String() string { return strconv.Itoa(int(*n.to)) }

// Type is what help shows for the value.
func (n number) Type() string { return "N" }

// Set reads the number.
func (n number) Set(value string) error {
	read, err := strconv.ParseInt(value, 10, 32)
	if err != nil {
		return errors.New("it must be a whole number")
	}
	*n.to = int32(read)
	return nil
}

// list is the value of a flag that takes several texts: with commas between them, or one flag each.
type list struct {
	to   *[]string
	kind string
}

// String returns the texts in the order of the alphabet.
func (l list) String() string {
	return strings.Join(slices.Sorted(slices.Values(*l.to)), ",")
}

// Type is what help shows for the value.
func (l list) Type() string { return l.kind }

// Set adds texts.
func (l list) Set(value string) error {
	for part := range strings.SplitSeq(value, ",") {
		*l.to = append(*l.to, strings.TrimSpace(part))
	}
	return nil
}

// pairs is the value of a flag that takes one KEY=VALUE each time that it is given.
type pairs struct{ to *map[string]string }

// String returns the pairs in the order of their keys.
func (p pairs) String() string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(*p.to)) {
		all = append(all, key+"="+(*p.to)[key])
	}
	return strings.Join(all, ",")
}

// Type is what help shows for the value.
func (p pairs) Type() string { return "KEY=VALUE" }

// Set adds a pair. A value may have commas in it, as the sensor's do.
func (p pairs) Set(pair string) error {
	key, value, ok := strings.Cut(pair, "=")
	if !ok || key == "" {
		return errors.New("write it as KEY=VALUE")
	}
	if _, twice := (*p.to)[key]; twice {
		return fmt.Errorf("%s is given twice", key)
	}
	if *p.to == nil {
		*p.to = map[string]string{}
	}
	(*p.to)[key] = value
	return nil
}

// quantity is the value of a flag that takes an amount of one resource.
type quantity struct {
	to   *corev1.ResourceList
	name corev1.ResourceName
}

// String returns the amount, or nothing if it is not set.
func (q quantity) String() string {
	if amount, ok := (*q.to)[q.name]; ok {
		return amount.String()
	}
	return ""
}

// Type is what help shows for the value.
func (q quantity) Type() string { return "QUANTITY" }

// Set reads the amount.
func (q quantity) Set(value string) error {
	amount, err := resource.ParseQuantity(value)
	if err != nil {
		return errors.New("write an amount such as 100m of cpu or 128Mi of memory")
	}
	if *q.to == nil {
		*q.to = corev1.ResourceList{}
	}
	(*q.to)[q.name] = amount
	return nil
}

// tolerations is the value of a flag that takes one toleration each time that it is given.
type tolerations struct{ to *[]corev1.Toleration }

// String returns the tolerations as they are written.
func (t tolerations) String() string {
	var all []string
	for _, one := range *t.to {
		written := one.Key
		if one.Operator == corev1.TolerationOpEqual {
			written += "=" + one.Value
		}
		if one.Effect != "" {
			written += ":" + string(one.Effect)
		}
		all = append(all, written)
	}
	return strings.Join(all, ",")
}

// Type is what help shows for the value.
func (t tolerations) Type() string { return "KEY[=VALUE][:EFFECT]" }

// Set adds a toleration, written as kubectl taint does. Without a value the taint may have any, without an
// effect it may be of any.
func (t tolerations) Set(written string) error {
	const form = "write it as KEY[=VALUE][:EFFECT], such as dedicated=falcon:NoSchedule"
	rest, effect, hasEffect := strings.Cut(written, ":")
	key, value, hasValue := strings.Cut(rest, "=")
	if len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
		return errors.New(form)
	}
	one := corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffect(effect)}
	if hasValue {
		one.Operator, one.Value = corev1.TolerationOpEqual, value
	}
	effects := []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}
	if hasEffect && !slices.Contains(effects, one.Effect) {
		return errors.New("the effect is NoSchedule, PreferNoSchedule or NoExecute")
	}
	*t.to = append(*t.to, one)
	return nil
}

// days is a duration that may be written in days, as certificates last: 3650d.
type days time.Duration

const day = 24 * time.Hour

// String returns whole days as such.
func (d *days) String() string {
	if span := time.Duration(*d); span%day != 0 {
		return span.String()
	}
	return fmt.Sprintf("%dd", time.Duration(*d)/day)
}

// Type is what help shows for the value.
func (d *days) Type() string { return "duration" }

// Set reads a duration such as 30d, 36h or 1d12h.
func (d *days) Set(value string) error {
	const form = "write it as 30d or 36h"
	var span time.Duration
	if count, rest, ok := strings.Cut(value, "d"); ok {
		n, err := strconv.ParseUint(count, 10, 16)
		if err != nil {
			return errors.New(form)
		}
		span, value = time.Duration(n)*day, rest
		if rest == "" {
			value = "0"
		}
	}
	rest, err := time.ParseDuration(value)
	if err != nil || rest < 0 {
		return errors.New(form)
	}
	// 65535 days and the longest rest do not fit.
	if span += rest; span < rest {
		return errors.New("that is too long")
	}
	if span == 0 {
		return errors.New("it must be more than 0")
	}
	*d = days(span)
	return nil
}
