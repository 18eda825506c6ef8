package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	yamlv2 "go.yaml.in/yaml/v2"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/yaml"
)

var errTooLarge = fmt.Errorf("the build's objects need more than %d bytes", maxFrame)

func encodeObjects(built resmap.ResMap) ([]object, error) {
	objects := make([]object, 0, built.Size())
	size := 0
	for _, each := range built.Resources() {
		encoded, err := encodeObject(each)
		if err != nil {
			return nil, err
		}
		if size += len(encoded.JSON) + len(encoded.YAML); size > maxFrame {
			return nil, errTooLarge
		}
		objects = append(objects, encoded)
	}
	return objects, nil
}

// encodeObject gives what resource.MarshalJSON and resource.AsYAML give. These
// print the object three times and parse it twice to get there; for all but
// unusual values one decoding and two printings lead to the same bytes.
func encodeObject(one *resource.Resource) (object, error) {
	fields, err := one.Map()
	if err != nil || !isOrdinary(fields) {
		return encodeByLibrary(one)
	}
	asJSON, jsonErr := json.Marshal(fields)
	asYAML, yamlErr := yamlv2.Marshal(fields)
	if err := errors.Join(jsonErr, yamlErr); err != nil {
		return object{}, fmt.Errorf("%s: %w", one.CurId(), err)
	}
	return object{JSON: string(asJSON), YAML: string(asYAML)}, nil
}

func encodeByLibrary(one *resource.Resource) (object, error) {
	asJSON, err := one.MarshalJSON()
	if err != nil {
		return object{}, fmt.Errorf("%s as JSON: %w", one.CurId(), err)
	}
	asYAML, err := yaml.JSONToYAML(asJSON)
	if err != nil {
		return object{}, fmt.Errorf("%s as YAML: %w", one.CurId(), err)
	}
	return object{JSON: string(asJSON), YAML: string(asYAML)}, nil
}

// isOrdinary tells whether a value comes through JSON that is read as YAML as
// it is. Floats may become integers on that way, times and binary become
// strings, and YAML has rules of its own for a few characters and long keys.
func isOrdinary(value any) bool {
	switch known := value.(type) {
	case nil, bool, int, int64, uint64:
		return true
	case string:
		return isOrdinaryText(known)
	case []any:
		for _, each := range known {
			if !isOrdinary(each) {
				return false
			}
		}
		return true
	case map[string]any:
		for key, each := range known {
			if len(key) > longestKey || !isOrdinaryText(key) || !isOrdinary(each) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// longestKey is well below the 1,024 characters within which a YAML parser
// looks for the colon after a key.
const longestKey = 500

const byteOrderMark = '\uFEFF'

func isOrdinaryText(text string) bool {
	for _, letter := range text {
		isControl := letter >= 0x7f && letter < 0xa0
		if isControl || letter == byteOrderMark || letter >= 0xfffe && letter <= 0xffff || letter == utf8.RuneError {
			return false
		}
	}
	return true
}
