// Channels: pipelines, select, closing, time limits, and cancelling.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

func generate(out chan<- int) {
	for i := 2; ; i++ {
		out <- i
	}
}

func filter(in <-chan int, out chan<- int, prime int) {
	for {
		if i := <-in; i%prime != 0 {
			out <- i
		}
	}
}

func main() {
	// A chain of goroutines, each a divisor.
	numbers := make(chan int)
	go generate(numbers)
	for i := 0; i < 60; i++ {
		prime := <-numbers
		if i%10 == 9 {
			fmt.Print(prime, " ")
		}
		next := make(chan int)
		go filter(numbers, next, prime)
		numbers = next
	}
	fmt.Println()

	// Many producers and consumers over a small buffer.
	work, results := make(chan int, 3), make(chan int, 3)
	var producers, consumers sync.WaitGroup
	for p := 0; p < 5; p++ {
		producers.Add(1)
		go func(p int) {
			defer producers.Done()
			for i := 0; i < 2000; i++ {
				work <- p*2000 + i
			}
		}(p)
	}
	for c := 0; c < 7; c++ {
		consumers.Add(1)
		go func() {
			defer consumers.Done()
			sum := 0
			for n := range work {
				sum += n
			}
			results <- sum
		}()
	}
	go func() { producers.Wait(); close(work); consumers.Wait(); close(results) }()
	total := 0
	for sum := range results {
		total += sum
	}
	fmt.Println("total", total)

	// Ping-pong between two.
	ping, pong := make(chan int), make(chan int)
	go func() {
		for n := range ping {
			pong <- n + 1
		}
		close(pong)
	}()
	n := 0
	for i := 0; i < 10000; i++ {
		ping <- n
		n = <-pong
	}
	close(ping)
	_, open := <-pong
	fmt.Println("rounds", n, open)

	select {
	case <-make(chan int):
	case <-time.After(20 * time.Millisecond):
		fmt.Println("timeout")
	}
	select {
	case <-ping:
		fmt.Println("closed")
	default:
	}
	var none chan int
	select {
	case none <- 1:
	default:
		fmt.Println("nil blocks")
	}

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	child, stop := context.WithCancel(ctx)
	stop()
	fmt.Println(child.Err(), ctx.Err())
	<-ctx.Done()
	fmt.Println(errors.Is(ctx.Err(), context.DeadlineExceeded))

	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		close(ping)
	}()
}
