package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// maxFrame bounds both directions. A frame is its length in 4 bytes, big
// endian, then JSON.
const maxFrame = 64 << 20

// Classes of failure that cannot be read from the text of an error.
const (
	classPanic    = "panic"
	classResource = "resource"
)

type request struct {
	// Path is the directory to build, "" for the root of the view.
	Path string `json:"path"`
	// Texts and Blobs are the files of the view; Blobs are not valid UTF-8.
	Texts      map[string]string `json:"texts"`
	Blobs      map[string][]byte `json:"blobs"`
	DeadlineMs int64             `json:"deadlineMs"`
}

type object struct {
	JSON string `json:"json"`
	YAML string `json:"yaml"`
}

type answer struct {
	// N counts the requests of this process, from 1.
	N       int      `json:"n"`
	Objects []object `json:"objects,omitempty"`
	Error   string   `json:"error,omitempty"`
	Class   string   `json:"class,omitempty"`
}

func readRequest(in io.Reader) (request, error) {
	var next request
	body, err := readFrame(in)
	if err != nil {
		return next, err
	}
	if err := json.Unmarshal(body, &next); err != nil {
		return next, fmt.Errorf("request: %w", err)
	}
	return next, nil
}

// readFrame returns io.EOF only between two frames.
func readFrame(in io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes is more than %d", size, maxFrame)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, fmt.Errorf("cut frame: %w", io.ErrUnexpectedEOF)
	}
	return body, nil
}

func writeAnswer(out io.Writer, a answer) error {
	frame, err := encodeAnswer(a)
	if err != nil {
		return err
	}
	if len(frame) > maxFrame+4 {
		if frame, err = encodeAnswer(answer{N: a.N, Error: errTooLarge.Error(), Class: classResource}); err != nil {
			return err
		}
	}
	_, err = out.Write(frame)
	return err
}

func encodeAnswer(a answer) ([]byte, error) {
	buffer := bytes.NewBuffer(make([]byte, 4, 4096))
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a); err != nil {
		return nil, err
	}
	frame := buffer.Bytes()
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame, nil
}
