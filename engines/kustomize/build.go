package main

import (
	"errors"
	"fmt"
	"path"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// build runs kustomize as Flux does: no load restriction (the view is the
// restriction), no plugins, objects in the order of the files.
func build(next request) (result answer) {
	defer func() {
		if thrown := recover(); thrown != nil {
			result = answer{Error: fmt.Sprint(thrown), Class: classPanic}
		}
	}()
	options := &krusty.Options{
		// Neither "legacy" nor "none" nor "unspecified": krusty then does not sort.
		Reorder:          "",
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}
	built, err := krusty.MakeKustomizer(options).Run(newView(next), path.Join(viewRoot, next.Path))
	if err != nil {
		return answer{Error: err.Error()}
	}
	objects, err := encodeObjects(built)
	if errors.Is(err, errTooLarge) {
		return answer{Error: err.Error(), Class: classResource}
	}
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Objects: objects}
}

var errTooLarge = fmt.Errorf("the build's objects need more than %d bytes", maxFrame)

func encodeObjects(built resmap.ResMap) ([]object, error) {
	objects := make([]object, 0, built.Size())
	size := 0
	for _, resource := range built.Resources() {
		asJSON, err := resource.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("%s as JSON: %w", resource.CurId(), err)
		}
		// What resource.AsYAML does with the JSON that it makes anew.
		asYAML, err := yaml.JSONToYAML(asJSON)
		if err != nil {
			return nil, fmt.Errorf("%s as YAML: %w", resource.CurId(), err)
		}
		if size += len(asJSON) + len(asYAML); size > maxFrame {
			return nil, errTooLarge
		}
		objects = append(objects, object{JSON: string(asJSON), YAML: string(asYAML)})
	}
	return objects, nil
}
