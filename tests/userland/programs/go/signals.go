// os/signal: told, ignored, reset, and what a signal does to a program that does not want it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// One of those that have no name.
const realTime = syscall.Signal(37)

func send(number syscall.Signal) { syscall.Kill(os.Getpid(), number) }

func child(how string) {
	switch how {
	case "default":
		send(syscall.SIGTERM)
	case "reset":
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGHUP)
		signal.Reset(syscall.SIGHUP)
		send(syscall.SIGHUP)
	case "quit":
		send(syscall.SIGQUIT)
	case "pipe":
		reader, writer, _ := os.Pipe()
		reader.Close()
		_, err := writer.Write([]byte("x"))
		fmt.Println(errors.Is(err, syscall.EPIPE))
		return
	case "ignored":
		signal.Ignore(syscall.SIGTERM)
		send(syscall.SIGTERM)
		fmt.Println("still here", signal.Ignored(syscall.SIGTERM))
		return
	}
	time.Sleep(10 * time.Second)
	fmt.Println("nothing came")
}

func main() {
	if len(os.Args) > 1 {
		child(os.Args[1])
		return
	}
	told := make(chan os.Signal, 64)
	signal.Notify(told, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, realTime)
	for _, number := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, realTime} {
		send(number)
		fmt.Println(<-told)
	}
	// From many threads, one at a time.
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		go func() { defer all.Done(); send(syscall.SIGUSR1) }()
		<-told
	}
	all.Wait()
	signal.Stop(told)
	signal.Ignore(syscall.SIGUSR1)
	send(syscall.SIGUSR1)
	select {
	case got := <-told:
		fmt.Println("unexpected", got)
	case <-time.After(20 * time.Millisecond):
		fmt.Println("stopped")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	send(syscall.SIGINT)
	<-ctx.Done()
	stop()
	fmt.Println(ctx.Err())

	self, _ := os.Executable()
	for _, how := range []string{"default", "reset", "quit", "pipe", "ignored"} {
		command := exec.Command(self, how)
		out, err := command.Output()
		fmt.Printf("%s %q %v\n", how, out, err)
	}

	// A program that is told that its child ended.
	signal.Notify(told, syscall.SIGCHLD)
	exec.Command("true").Run()
	fmt.Println(<-told)

	// SIGALRM and a timer of the system's.
	signal.Notify(told, syscall.SIGALRM)
	signal.Reset(syscall.SIGCHLD)
	for len(told) > 0 {
		<-told
	}
	exec.Command("sh", "-c", fmt.Sprintf("kill -ALRM %d", os.Getpid())).Run()
	fmt.Println(<-told)
	signal.Reset()
	send(syscall.SIGTERM)
	time.Sleep(10 * time.Second)
}
