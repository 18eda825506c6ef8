package main

import (
	"runtime"
	"testing"
)

func TestCollectorIsPaced(t *testing.T) {
	for _, row := range []struct {
		live uint64
		want int
	}{{0, 50}, {8 << 20, 200}, {16 << 20, 100}, {64 << 20, 50}, {1 << 30, 50}} {
		if got := ratioFor(row.live); got != row.want {
			t.Errorf("%d bytes: %d", row.live, got)
		}
	}
}

// A process that holds much is collected as tightly as when it was started, and
// loosely again once it holds little.
func TestCollectorFollowsWhatIsHeld(t *testing.T) {
	held := make([]byte, 128<<20)
	for ratio.Load() != tightestRatio {
		runtime.GC()
	}
	runtime.KeepAlive(held)
	held = nil
	for ratio.Load() == tightestRatio {
		runtime.GC()
	}
}
