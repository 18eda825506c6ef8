package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	confine()
	prepare()
	os.Exit(m.Run())
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  big: 12345678901234567890\n"

func texts(pairs ...string) map[string]string {
	files := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = pairs[i+1]
	}
	return files
}

func TestBuildKeepsOrderAndNumbers(t *testing.T) {
	got := build(request{Path: "app", Texts: texts(
		"app/kustomization.yaml", `{"resources":["z.yaml","a.yaml"],"namePrefix":"p-"}`,
		"app/z.yaml", configMap,
		"app/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n",
	)})
	if got.Error != "" || len(got.Objects) != 2 {
		t.Fatalf("%+v", got)
	}
	if want := `{"apiVersion":"v1","data":{"big":12345678901234567890},"kind":"ConfigMap","metadata":{"name":"p-c"}}`; got.Objects[0].JSON != want {
		t.Errorf("JSON %s", got.Objects[0].JSON)
	}
	if !strings.HasPrefix(got.Objects[0].YAML, "apiVersion: v1\ndata:\n  big: 12345678901234567890\nkind: ConfigMap\n") {
		t.Errorf("YAML %s", got.Objects[0].YAML)
	}
	if !strings.Contains(got.Objects[1].JSON, `"Namespace"`) {
		t.Errorf("a namespace was moved to the front: %s", got.Objects[1].JSON)
	}
}

func TestBuildSeesNothingButItsView(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.yaml")
	if err := os.WriteFile(secret, []byte(configMap), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, reference := range []string{secret, "../../../../../../.." + secret, "../../app/a.yaml", "/weir-view/../etc/hostname"} {
		kustomization, _ := json.Marshal(map[string]any{"resources": []string{reference}})
		got := build(request{Path: "app", Texts: texts("app/kustomization.yaml", string(kustomization), "app/a.yaml", configMap)})
		if got.Error == "" {
			t.Errorf("%s was read", reference)
		}
	}
}

func TestBuildRefusesTheNetwork(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = io.WriteString(w, configMap)
	}))
	defer server.Close()
	for _, field := range []string{"resources", "crds", "configurations", "transformers", "components", "patchesStrategicMerge"} {
		kustomization, _ := json.Marshal(map[string]any{field: []string{server.URL + "/a/b.yaml"}})
		got := build(request{Texts: texts("kustomization.yaml", string(kustomization))})
		if got.Error == "" {
			t.Errorf("%s: no error", field)
		}
	}
	if asked != 0 {
		t.Errorf("%d requests were sent", asked)
	}
}

func TestBuildRunsNoProgram(t *testing.T) {
	for _, reference := range []string{"file:///tmp/repo", "ssh://git@127.0.0.1/a/b", "git@127.0.0.1:a/b.git"} {
		kustomization, _ := json.Marshal(map[string]any{"resources": []string{reference}})
		got := build(request{Texts: texts("kustomization.yaml", string(kustomization))})
		if !strings.Contains(got.Error, "no 'git' program on path") {
			t.Errorf("%s: %s", reference, got.Error)
		}
	}
}

func TestBuildNamesTheMissingFileWithoutASystemPath(t *testing.T) {
	got := build(request{Path: "app", Texts: texts("app/kustomization.yaml", `{"resources":["gone.yaml"]}`)})
	if !strings.Contains(got.Error, "/weir-view/app/gone.yaml: no such file or directory") {
		t.Error(got.Error)
	}
}

func TestBuildAllowsDotsInNames(t *testing.T) {
	got := build(request{Texts: texts("kustomization.yaml", `{"resources":["a..b.yaml"]}`, "a..b.yaml", configMap)})
	if got.Error != "" {
		t.Error(got.Error)
	}
}

const customSchema = `{"definitions":{"v1.Thing":{"properties":{"spec":{"properties":{"parts":{"items":{"type":"object"},` +
	`"type":"array","x-kubernetes-patch-merge-key":"name","x-kubernetes-patch-strategy":"merge"}}}},` +
	`"x-kubernetes-group-version-kind":[{"group":"example.com","kind":"Thing","version":"v1"}]}}}`

func TestCustomSchemaAddsToTheBuiltIn(t *testing.T) {
	got := build(request{Texts: texts(
		"kustomization.yaml", `{"openapi":{"path":"schema.json"},"resources":["all.yaml"],"patches":[{"path":"thing.yaml"},{"path":"deployment.yaml"}]}`,
		"schema.json", customSchema,
		"all.yaml", "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec: {parts: [{name: a}]}\n"+
			"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: a, image: i}]}}}\n",
		"thing.yaml", "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec: {parts: [{name: b}]}\n",
		"deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: b, image: j}]}}}\n",
	)})
	if got.Error != "" {
		t.Fatal(got.Error)
	}
	for _, built := range got.Objects {
		if !strings.Contains(built.JSON, `"name":"a"`) || !strings.Contains(built.JSON, `"name":"b"`) {
			t.Errorf("the list was replaced, not merged: %s", built.JSON)
		}
	}
}

func TestFrames(t *testing.T) {
	var buffer bytes.Buffer
	if err := writeAnswer(&buffer, answer{N: 7, Objects: []object{{JSON: "{}", YAML: "<&>"}}}); err != nil {
		t.Fatal(err)
	}
	body, err := readFrame(&buffer)
	if err != nil || !bytes.Contains(body, []byte(`"<&>"`)) || !bytes.Contains(body, []byte(`"n":7`)) {
		t.Errorf("%s %v", body, err)
	}
	if _, err := readFrame(&buffer); !errors.Is(err, io.EOF) {
		t.Errorf("between frames: %v", err)
	}
	if _, err := readFrame(bytes.NewReader([]byte{0, 0, 0, 9, 1})); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut frame: %v", err)
	}
	head := binary.BigEndian.AppendUint32(nil, maxFrame+1)
	if _, err := readFrame(bytes.NewReader(head)); err == nil {
		t.Error("an oversized frame was read")
	}
}

func TestAnAnswerIsNeverCut(t *testing.T) {
	var buffer bytes.Buffer
	half := strings.Repeat("\n", maxFrame/2+1) // two bytes each once escaped
	if err := writeAnswer(&buffer, answer{N: 1, Objects: []object{{YAML: half}}}); err != nil {
		t.Fatal(err)
	}
	body, err := readFrame(&buffer)
	if err != nil || !bytes.Contains(body, []byte(`"class":"resource"`)) {
		t.Errorf("%.200s %v", body, err)
	}
}
