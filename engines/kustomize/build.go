package main

import (
	"errors"
	"fmt"
	"path"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
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
