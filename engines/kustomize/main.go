// Command kustomize builds views that arrive on standard input and answers on
// standard output, one frame each, until standard input ends.
//
// It decides nothing: the program that starts it has checked and merged every
// file. It has no file system, network, environment or plugins, so a build can
// use nothing but its view.
package main

import (
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"time"

	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// Exit codes that the starting program tells apart; 2 is the Go runtime's own.
const (
	exitDeadline = 3
	exitProtocol = 4
	exitPanic    = 5
	exitTally    = 6
)

func main() {
	tallies := flag.String("tally", "", "for benchmarks: a directory that gets a file with one byte for each request")
	flag.Parse()
	answers := os.Stdout
	// Whatever a library prints must not land between two frames.
	os.Stdout = os.Stderr
	log.SetFlags(0)
	tally, err := openTally(*tallies)
	if err != nil {
		log.Print(err)
		os.Exit(exitTally)
	}
	confine()
	prepare()
	os.Exit(serve(os.Stdin, answers, tally))
}

// prepare parses the built-in schema, which most builds need and a custom one
// adds to. Nothing in a small build takes more memory, so it happens under the
// tight GOGC that the process is started with.
func prepare() {
	openapi.Schema()
	paceCollector()
}

// serve reads on its own goroutine: when standard input ends, the starting
// program is gone and the build that is running is nobody's.
func serve(in io.Reader, out, tally io.Writer) int {
	requests := make(chan request)
	go func() {
		for {
			next, err := readRequest(in)
			if errors.Is(err, io.EOF) {
				os.Exit(0)
			}
			if err != nil {
				log.Print(err)
				os.Exit(exitProtocol)
			}
			requests <- next
		}
	}()
	for n := 1; ; n++ {
		next := <-requests
		if _, err := tally.Write(oneRequest); err != nil {
			log.Print(err)
			return exitTally
		}
		answer := buildBefore(next)
		answer.N = n
		if err := writeAnswer(out, answer); err != nil {
			log.Print(err)
			return exitProtocol
		}
		if answer.Class == classPanic {
			return exitPanic
		}
	}
}

// buildBefore ends the process at the deadline: a build cannot be interrupted,
// and nobody may be left who would kill us.
func buildBefore(next request) answer {
	if next.DeadlineMs > 0 {
		timer := time.AfterFunc(time.Duration(next.DeadlineMs)*time.Millisecond, func() { os.Exit(exitDeadline) })
		defer timer.Stop()
	}
	return build(next)
}
