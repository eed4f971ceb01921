// The collector under load: trees and maps made and dropped by many goroutines while it runs.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type node struct {
	left, right *node
	value       int
	pad         []byte
}

func tree(depth int) *node {
	if depth == 0 {
		return &node{value: 1, pad: make([]byte, 8)}
	}
	return &node{tree(depth - 1), tree(depth - 1), 1, nil}
}

func (n *node) sum() int {
	if n == nil {
		return 0
	}
	return n.value + n.left.sum() + n.right.sum()
}

func resident() int {
	text, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kib, _ := strconv.Atoi(fields[1])
			return kib
		}
	}
	return -1
}

func main() {
	debug.SetGCPercent(20)
	kept := tree(12)
	var all sync.WaitGroup
	var total int64
	for g := 0; g < 6; g++ {
		all.Add(1)
		go func(g int) {
			defer all.Done()
			words := map[string]*node{}
			for i := 0; i < 25; i++ {
				t := tree(9)
				words[strconv.Itoa(i%5)] = t
				atomic.AddInt64(&total, int64(t.sum()))
			}
			for _, t := range words {
				atomic.AddInt64(&total, int64(t.sum()))
			}
		}(g)
	}
	all.Wait()
	fmt.Println("sums", kept.sum(), total)

	var finalized int32
	for i := 0; i < 100; i++ {
		n := &node{value: i}
		runtime.SetFinalizer(n, func(*node) { atomic.AddInt32(&finalized, 1) })
	}
	for i := 0; i < 100 && atomic.LoadInt32(&finalized) < 99; i++ {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	fmt.Println("finalized", atomic.LoadInt32(&finalized) >= 99)

	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println("collections", stats.NumGC > 5)

	// What is dropped goes back to the system.
	block := make([]byte, 48<<20)
	for i := range block {
		block[i] = byte(i)
	}
	full := resident()
	runtime.KeepAlive(block)
	block = nil
	debug.FreeOSMemory()
	empty := resident()
	fmt.Println("given back", full > 48<<10, full-empty > 40<<10)
}
