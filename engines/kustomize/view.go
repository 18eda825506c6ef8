package main

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// viewRoot is where a view lies in the file system that kustomize sees. It is
// not "/", so that a path that climbs out of the view leads nowhere instead of
// back in, and so that the starting program can take it out of messages.
const viewRoot = "/weir-view"

var errReadOnly = errors.New("the view is read-only")

// view is a read-only file system that holds nothing but the files of one
// request. There are no links in it.
type view struct {
	files       map[string][]byte
	directories map[string]bool
}

var _ filesys.FileSystem = (*view)(nil)

func newView(next request) *view {
	v := &view{files: make(map[string][]byte, len(next.Texts)+len(next.Blobs)), directories: map[string]bool{"/": true}}
	v.addDirectories(path.Join(viewRoot, next.Path))
	for name, text := range next.Texts {
		v.add(name, []byte(text))
	}
	for name, blob := range next.Blobs {
		v.add(name, blob)
	}
	return v
}

func (v *view) add(name string, content []byte) {
	full := path.Join(viewRoot, name)
	v.files[full] = content
	v.addDirectories(path.Dir(full))
}

func (v *view) addDirectories(directory string) {
	for ; !v.directories[directory]; directory = path.Dir(directory) {
		v.directories[directory] = true
	}
}

// clean makes a name absolute. Relative ones are relative to the view's root.
func clean(name string) string {
	if !path.IsAbs(name) {
		name = path.Join(viewRoot, name)
	}
	return path.Clean(name)
}

func (v *view) ReadFile(name string) ([]byte, error) {
	full := clean(name)
	if content, ok := v.files[full]; ok {
		// Callers own what they read.
		return append([]byte(nil), content...), nil
	}
	if v.directories[full] {
		return nil, &fs.PathError{Op: "read", Path: full, Err: syscall.EISDIR}
	}
	return nil, &fs.PathError{Op: "open", Path: full, Err: syscall.ENOENT}
}

func (v *view) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	full := clean(name)
	if v.directories[full] {
		return filesys.ConfirmedDir(full), "", nil
	}
	if _, ok := v.files[full]; ok {
		return filesys.ConfirmedDir(path.Dir(full)), path.Base(full), nil
	}
	return "", "", &fs.PathError{Op: "lstat", Path: full, Err: syscall.ENOENT}
}

func (v *view) IsDir(name string) bool { return v.directories[clean(name)] }

func (v *view) Exists(name string) bool {
	_, isFile := v.files[clean(name)]
	return isFile || v.IsDir(name)
}

func (v *view) ReadDir(name string) ([]string, error) {
	full := clean(name)
	if !v.directories[full] {
		return nil, &fs.PathError{Op: "open", Path: full, Err: syscall.ENOENT}
	}
	names := map[string]bool{}
	for file := range v.files {
		if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(full, "/")+"/"); ok {
			first, _, _ := strings.Cut(rest, "/")
			names[first] = true
		}
	}
	listed := make([]string, 0, len(names))
	for entry := range names {
		listed = append(listed, entry)
	}
	return listed, nil
}

func (v *view) Open(name string) (filesys.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}

func (v *view) Walk(string, filepath.WalkFunc) error { return errors.ErrUnsupported }
func (v *view) Glob(string) ([]string, error)        { return nil, errors.ErrUnsupported }
func (v *view) Create(string) (filesys.File, error)  { return nil, errReadOnly }
func (v *view) Mkdir(string) error                   { return errReadOnly }
func (v *view) MkdirAll(string) error                { return errReadOnly }
func (v *view) RemoveAll(string) error               { return errReadOnly }
func (v *view) WriteFile(string, []byte) error       { return errReadOnly }
