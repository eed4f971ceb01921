// Timers: order, periods, stopping and setting anew, many at once.
package main

import (
	"fmt"
	"sort"
	"sync"
	"time"
)

func main() {
	begin := time.Now()
	done := make(chan string, 8)
	for _, ms := range []int{120, 40, 80} {
		ms := ms
		time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { done <- fmt.Sprint(ms) })
	}
	fmt.Println(<-done, <-done, <-done, time.Since(begin) >= 120*time.Millisecond)

	ticker := time.NewTicker(5 * time.Millisecond)
	begin = time.Now()
	for i := 0; i < 10; i++ {
		<-ticker.C
	}
	ticker.Stop()
	elapsed := time.Since(begin)
	fmt.Println("ticks", elapsed >= 49*time.Millisecond)

	timer := time.NewTimer(time.Hour)
	fmt.Println("stopped", timer.Stop(), timer.Stop())
	fmt.Println("reset", timer.Reset(time.Millisecond))
	<-timer.C

	// Thousands of sleepers: all wake, none early.
	var all sync.WaitGroup
	var mutex sync.Mutex
	early := 0
	for i := 0; i < 2000; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			wanted := time.Duration(1+i%50) * time.Millisecond
			before := time.Now()
			time.Sleep(wanted)
			if time.Since(before) < wanted {
				mutex.Lock()
				early++
				mutex.Unlock()
			}
		}(i)
	}
	all.Wait()
	fmt.Println("early", early)

	// One clock that never goes back, seen by many threads.
	stamps := make([]time.Duration, 0, 4000)
	for g := 0; g < 4; g++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < 1000; i++ {
				mutex.Lock()
				stamps = append(stamps, time.Since(begin))
				mutex.Unlock()
			}
		}()
	}
	all.Wait()
	fmt.Println("monotonic", sort.SliceIsSorted(stamps, func(i, j int) bool { return stamps[i] < stamps[j] }))

	when := time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC)
	fmt.Println(when.AddDate(1, 0, 1).Format(time.RFC1123), when.Weekday(), when.YearDay(), time.Local)
}
