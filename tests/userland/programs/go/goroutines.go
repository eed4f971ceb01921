// Goroutines on many threads: each locked to one of its own, all computing, waiting and ending.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

const threads = 40

func main() {
	runtime.GOMAXPROCS(8)
	var all sync.WaitGroup
	var sum int64
	var tids sync.Map
	start := make(chan struct{})
	var ready sync.WaitGroup
	for i := 0; i < threads; i++ {
		all.Add(1)
		ready.Add(1)
		go func(i int) {
			defer all.Done()
			runtime.LockOSThread()
			if i%2 == 0 {
				// A goroutine that ends while locked takes its thread along.
				defer runtime.UnlockOSThread()
			}
			tids.Store(syscall.Gettid(), true)
			ready.Done()
			<-start
			local := int64(0)
			for n := 0; n < 1000; n++ {
				local += int64(n * i % 7)
				if n%100 == 0 {
					runtime.Gosched()
				}
			}
			atomic.AddInt64(&sum, local)
		}(i)
	}
	ready.Wait()
	// All are alive at once, so no two share a thread.
	different := 0
	tids.Range(func(_, _ any) bool { different++; return true })
	fmt.Println("threads", different)
	tasks, err := os.ReadDir("/proc/self/task")
	fmt.Println("listed", err, len(tasks) > threads)
	close(start)
	all.Wait()
	fmt.Println("sum", sum)

	// Far more goroutines than threads.
	var many sync.WaitGroup
	var count int64
	for i := 0; i < 10000; i++ {
		many.Add(1)
		go func() { defer many.Done(); runtime.Gosched(); atomic.AddInt64(&count, 1) }()
	}
	many.Wait()
	fmt.Println("many", count)

	// Deep recursion in many: stacks grow and are copied.
	var deep func(n int) int
	deep = func(n int) int {
		var pad [64]byte
		pad[n%64] = 1
		if n == 0 {
			return int(pad[0])
		}
		return deep(n-1) + int(pad[n%64])
	}
	depths := make(chan int)
	for i := 0; i < 16; i++ {
		go func() { depths <- deep(5000) }()
	}
	total := 0
	for i := 0; i < 16; i++ {
		total += <-depths
	}
	fmt.Println("deep", total)
}
