// Threads that wait in calls of the system: Go makes more, and all of them go on.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const waiting = 150

func main() {
	runtime.GOMAXPROCS(2)
	var all, started sync.WaitGroup
	pipes := make([][2]int, waiting)
	sum := 0
	var mutex sync.Mutex
	for i := range pipes {
		if err := syscall.Pipe2(pipes[i][:], syscall.O_CLOEXEC); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		all.Add(1)
		started.Add(1)
		go func(i int) {
			defer all.Done()
			started.Done()
			var one [1]byte
			// Not os.File: a read that the runtime does not know to wait.
			n, err := syscall.Read(pipes[i][0], one[:])
			mutex.Lock()
			defer mutex.Unlock()
			if n == 1 && err == nil {
				sum += int(one[0])
			}
		}(i)
	}
	started.Wait()
	for {
		tasks, _ := os.ReadDir("/proc/self/task")
		if len(tasks) > waiting {
			break
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println("all wait")
	for i := range pipes {
		syscall.Write(pipes[i][1], []byte{byte(i)})
	}
	all.Wait()
	fmt.Println("sum", sum)

	// A lock handed round, and a condition that all wait for.
	count, rounds := 0, 0
	cond := sync.NewCond(&mutex)
	for i := 0; i < 50; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for round := 0; round < 20; round++ {
				mutex.Lock()
				mine := rounds
				if count++; count == 50 {
					count = 0
					rounds++
					cond.Broadcast()
				}
				for rounds == mine {
					cond.Wait()
				}
				mutex.Unlock()
			}
		}(i)
	}
	all.Wait()
	fmt.Println("rounds", rounds)

	var shared sync.RWMutex
	table := map[int]int{}
	for i := 0; i < 8; i++ {
		all.Add(2)
		go func(i int) {
			defer all.Done()
			for n := 0; n < 200; n++ {
				shared.Lock()
				table[n] += i
				shared.Unlock()
			}
		}(i)
		go func() {
			defer all.Done()
			for n := 0; n < 200; n++ {
				shared.RLock()
				_ = table[n]
				shared.RUnlock()
			}
		}()
	}
	all.Wait()
	fmt.Println("table", len(table), table[7])
}
