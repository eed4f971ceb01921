// Goroutines that never yield are interrupted by signals to their threads.
package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

var spins [4]uint64

func spin(n int, stop *uint32) {
	for atomic.LoadUint32(stop) == 0 {
		spins[n]++
	}
}

//go:noinline
func forever() {
	for {
	}
}

func main() {
	// One processor: a loop without a call holds it until it is interrupted.
	runtime.GOMAXPROCS(1)
	go forever()
	begin := time.Now()
	for i := 0; i < 5; i++ {
		runtime.Gosched()
	}
	fmt.Println("took turns", time.Since(begin) < time.Minute)

	var stop uint32
	for n := range spins {
		go spin(n, &stop)
	}
	time.Sleep(300 * time.Millisecond)
	atomic.StoreUint32(&stop, 1)
	time.Sleep(100 * time.Millisecond)
	for n := range spins {
		fmt.Println(n, spins[n] > 0)
	}
	// To collect, the world must stop: the loop too.
	runtime.GC()
	runtime.GOMAXPROCS(4)
	go forever()
	go forever()
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println("collected", stats.NumGC >= 4)
}
