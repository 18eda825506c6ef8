package main

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestTallyHasAByteForEachRequest(t *testing.T) {
	directory := t.TempDir()
	tally, err := openTally(directory)
	if err != nil {
		t.Fatal(err)
	}
	in, requests := io.Pipe()
	answers, out := io.Pipe()
	// The pipe stays open: at its end the service ends the process.
	go serve(in, out, tally)
	body := []byte(`{"texts":{"kustomization.yaml":"{\"resources\":[\"gone.yaml\"]}"}}`)
	for n := int64(1); n <= 3; n++ {
		if _, err := requests.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
			t.Fatal(err)
		}
		if _, err := readFrame(answers); err != nil {
			t.Fatal(err)
		}
		file, err := os.Stat(filepath.Join(directory, strconv.Itoa(os.Getpid())))
		if err != nil || file.Size() != n {
			t.Fatalf("after %d requests: %v %v", n, file, err)
		}
	}
}

func TestTallyIsNoFileUnlessAskedFor(t *testing.T) {
	if tally, err := openTally(""); tally != io.Discard || err != nil {
		t.Errorf("%v %v", tally, err)
	}
	if _, err := openTally(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a directory that is not there was taken")
	}
}
