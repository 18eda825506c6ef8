package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// Between two collections a process may allocate as much as a few small builds
// need, or half of what it holds if that is more: collecting after every build
// costs more than the build, and a large build must not outgrow its limit before
// the collector looks again.
const (
	allowance     = 16 << 20
	tightestRatio = 50
)

// ratio is what the collector was told last.
var ratio atomic.Int64

// sentinel dies with every collection. It holds a pointer: what holds none may
// share its memory with others and live as long as they do.
type sentinel struct{ _ *sentinel }

// paceCollector sets the allowance anew after every collection.
func paceCollector() {
	next := ratioFor(liveBytes())
	ratio.Store(int64(next))
	debug.SetGCPercent(next)
	runtime.SetFinalizer(new(sentinel), func(*sentinel) { paceCollector() })
}

func ratioFor(live uint64) int {
	if live == 0 {
		return tightestRatio
	}
	return max(tightestRatio, int(allowance*100/live))
}

func liveBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
