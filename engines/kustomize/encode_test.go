package main

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
)

func builtFrom(t *testing.T, text string) resmap.ResMap {
	t.Helper()
	options := &krusty.Options{LoadRestrictions: types.LoadRestrictionsNone, PluginConfig: types.DisabledPluginConfig()}
	built, err := krusty.MakeKustomizer(options).Run(newView(request{Texts: texts("kustomization.yaml", `{"resources":["a.yaml"]}`, "a.yaml", text)}), viewRoot)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return built
}

func compareWithLibrary(t *testing.T, text string) {
	t.Helper()
	for _, each := range builtFrom(t, text).Resources() {
		ours, ourErr := encodeObject(each)
		library, err := encodeByLibrary(each)
		if (ourErr == nil) != (err == nil) || ours != library {
			t.Errorf("%s\nours    %v %s\n%s\nlibrary %v %s\n%s", text, ourErr, ours.JSON, ours.YAML, err, library.JSON, library.YAML)
		}
	}
}

func holding(values string) string {
	return "apiVersion: v1\nkind: Anything\nmetadata:\n  name: a\n  annotations: {b: \"1\"}\n" + values
}

func TestObjectsAreEncodedAsTheLibraryDoes(t *testing.T) {
	for _, values := range []string{
		"a: 1\nb: -1\nc: 0\nd: 9223372036854775807\ne: 18446744073709551615\nf: 18446744073709551616\n",
		"a: 1.0\nb: 1e6\nc: 1.5\nd: -0.0\ne: 1e21\nf: 1e300\ng: 0x1F\nh: 0o17\ni: 017\nj: 1_000\nk: 0b11\n",
		"a: yes\nb: \"yes\"\nc: on\nd: \"on\"\ne: n\nf: \"n\"\ng: true\nh: \"true\"\ni: ~\nj: \"~\"\nk: null\nl: \"null\"\nm: \"\"\nn:\n",
		"a: 2020-01-01\nb: \"2020-01-01\"\nc: 2020-01-01T00:00:00Z\nd: \"12:30:45\"\ne: 12:30:45\n",
		"a: !!binary aGVsbG8=\nb: !!binary //79\nc: !!str 123\nd: !!str true\n",
		"a: |\n  two\n  lines\nb: |-\n  none at the end\nc: >\n  folded\n  text\nd: \"tab\\tand\\rreturn\"\ne: |2\n    indented\nf: \"  spaces  \"\ng: \"trailing \\n\"\n",
		"a: \"\\u0085\"\nb: \"\\u2028\"\nc: \"\\uFEFF\"\nd: \"\\x7f\"\ne: \"\\x01\"\nf: \"\\u00e9\\u4e2d\\U0001F600\"\ng: \"\\0\"\n",
		"a: \"<b>&amp;</b>\"\nb: \"'single'\"\nc: '\"double\"'\nd: \"#not a comment\"\ne: \"a: b\"\nf: \"- x\"\ng: \"{x}\"\nh: \"[x]\"\ni: \"*x\"\nj: \"&x\"\nk: \"!x\"\nl: \"%x\"\nm: \"@x\"\nn: \"`x\"\no: \"?\"\np: \"|\"\nq: \"=\"\nr: \"<<\"\n",
		"\"1\": a\n\"true\": b\n\"a b\": c\n\"\": d\n\"x.y/z\": e\n\"~\": f\n10: g\n",
		"a: []\nb: {}\nc: [[], {}, [1, [2]]]\nd:\n  - a: 1\n    b:\n      - c\n  - - d\n",
		"a: " + strings.Repeat("long words ", 40) + "\nb: \"" + strings.Repeat("x", 300) + "\"\n",
		strings.Repeat("k", 600) + ": 1\n",
		"base: &base {a: 1, b: [x]}\nsame: *base\nmore: {<<: *base, c: 2}\n",
		"a10: 1\na9: 1\na1: 1\nA: 1\n_: 1\n-: 1\n",
	} {
		compareWithLibrary(t, holding(values))
	}
}

func TestEverydayObjectsAreOrdinary(t *testing.T) {
	for text, want := range map[string]bool{configMap: true, holding("a: [1, true, x, ~]\n"): true, holding("a: 1.5\n"): false, holding("a: 2020-01-01\n"): false} {
		fields, err := builtFrom(t, text).Resources()[0].Map()
		if err != nil || isOrdinary(fields) != want {
			t.Errorf("%v %v\n%s", err, !want, text)
		}
	}
}

func TestRandomObjectsAreEncodedAsTheLibraryDoes(t *testing.T) {
	source := rand.New(rand.NewSource(1))
	for range 2000 {
		compareWithLibrary(t, holding(fmt.Sprintf("random: %s\n", randomValue(source, 0))))
	}
}

var pieces = []string{
	"a", "B", "0", "1", "9", "-", ".", "e", "+", ":", ": ", "#", " #", "'", "\"", "\\", "/", "{", "}", "[", "]", ",", "&", "*", "!", "|", ">", "%", "@", "`", "?", "=", "~", "<", "_",
	" ", "\t", "\n", "\r", "\u0001", "\u007f", "\u0085", "\u00a0", "\u00e9", "\u2028", "\ufeff", "\U0001F600", "yes", "No", "on", "null", "true", "0x1", "1e3", ".inf", "2020-01-01", "<<", "---", "...",
}

// randomValue is in JSON, but for numbers and words that only YAML has.
func randomValue(source *rand.Rand, depth int) string {
	switch kind := source.Intn(10); {
	case kind < 2 && depth < 4:
		values := make([]string, source.Intn(4))
		for i := range values {
			values[i] = randomValue(source, depth+1)
		}
		return "[" + strings.Join(values, ", ") + "]"
	case kind < 4 && depth < 4:
		values := make([]string, source.Intn(4))
		for i := range values {
			values[i] = fmt.Sprintf("%s: %s", quoted(source, fmt.Sprint(i)), randomValue(source, depth+1))
		}
		return "{" + strings.Join(values, ", ") + "}"
	case kind == 4:
		return []string{"0", "7", "-12", "3.0", "1.25", "1e3", "1e+22", "0x10", "017", "12345678901234567890", "123456789012345678901", "-0", ".5"}[source.Intn(13)]
	case kind == 5:
		return []string{"true", "false", "null", "~", "yes", "off", "n", "2001-12-14", "2001-12-14t21:59:43.10-05:00", "!!binary aGk=", "!!str 1"}[source.Intn(11)]
	default:
		return quoted(source, "")
	}
}

func quoted(source *rand.Rand, start string) string {
	var text strings.Builder
	text.WriteString(start)
	for range source.Intn(6) {
		text.WriteString(pieces[source.Intn(len(pieces))])
	}
	var out strings.Builder
	out.WriteByte('"')
	for _, letter := range text.String() {
		if letter < 0x20 || letter == '"' || letter == '\\' || letter >= 0x7f {
			fmt.Fprintf(&out, "\\U%08x", letter)
		} else {
			out.WriteRune(letter)
		}
	}
	out.WriteByte('"')
	return out.String()
}
