package falconctl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// Form is a way to print answers.
type Form string

// The forms. The first group was seen of real versions; the second is ways for
// a program to fail its caller.
const (
	FormGuide       Form = "guide"
	FormNoNewline   Form = "no-newline"
	FormUnquoted    Form = "unquoted"
	FormUpper       Form = "upper"
	FormCombinedOld Form = "combined-old"
	FormCombinedNew Form = "combined-new"

	FormEmpty   Form = "empty"
	FormNonzero Form = "nonzero"
	FormError   Form = "error"
	FormHang    Form = "hang"
	FormHuge    Form = "huge"
	FormHalf    Form = "half"
)

var forms = []Form{
	FormGuide, FormNoNewline, FormUnquoted, FormUpper, FormCombinedOld, FormCombinedNew,
	FormEmpty, FormNonzero, FormError, FormHang, FormHuge, FormHalf,
}

// The huge form prints at least hugeBytes of filler before its answer.
const (
	hugeBytes = 1 << 20
	filler    = "filler of the stand-in falconctl\n"
)

func parseForm(env standin.Env) (Form, error) {
	form := Form(env.Get(standin.EnvForm, string(FormGuide)))
	if !slices.Contains(forms, form) {
		return "", fmt.Errorf("%s=%q is not a valid form", standin.EnvForm, form)
	}
	return form, nil
}

// render prints one answer as a line of its own and several on shared lines, as
// the real program does.
func render(form Form, answers []answer) string {
	text := ""
	if len(answers) == 1 {
		text = single(form, answers[0])
	} else {
		text = combined(form, answers)
	}
	if form == FormNoNewline {
		text = strings.TrimSuffix(text, "\n")
	}
	return text
}

// single ends in a full stop, but for the version and an unset rfm-state.
func single(form Form, a answer) string {
	if a.option == "version" || (a.option == "rfm-state" && a.value == "") {
		return a.text(form) + "\n"
	}
	return a.text(form) + ".\n"
}

// combined separates answers by commas, the last included. Nothing but a line
// break, or in older versions nothing at all, follows the version.
func combined(form Form, answers []answer) string {
	var out strings.Builder
	for i, a := range answers {
		out.WriteString(a.text(form))
		switch last := i == len(answers)-1; {
		case a.option == "version" && form == FormCombinedOld:
		case a.option == "version" && !last:
			out.WriteString("\n")
		case a.option == "version":
		case last:
			out.WriteString(",")
		default:
			out.WriteString(", ")
		}
	}
	return out.String() + "\n"
}

// text is the answer without what follows it.
func (a answer) text(form Form) string {
	isID := a.option == "aid" || a.option == "cid"
	switch {
	case a.value == "" && a.option == "tags":
		return "Sensor grouping tags are not set"
	case a.value == "":
		return a.option + " is not set"
	case a.option == "version":
		return "version = " + a.value
	case isID && form == FormUnquoted:
		return a.option + "=" + a.value
	case isID && form == FormUpper:
		return a.option + `="` + strings.ToUpper(a.value) + `"`
	case isID:
		return a.option + `="` + a.value + `"`
	default:
		return a.option + "=" + a.value
	}
}
