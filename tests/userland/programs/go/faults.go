// What goes wrong: panics, nil pointers, stacks that overflow, deadlocks, and how a program ends by them.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"unsafe"
)

type thing struct {
	pad   [100]byte
	field int
}

//go:noinline
func endless(n int) int { return endless(n+1) + n }

func child(how string) {
	switch how {
	case "panic":
		panic("on purpose")
	case "deadlock":
		<-make(chan int)
	case "overflow":
		debug.SetMaxStack(1 << 20)
		fmt.Println(endless(0))
	case "nil":
		var none *thing
		none.field = 1
	case "map":
		debug.SetPanicOnFault(false)
		var none map[string]int
		none["x"] = 1
	case "address":
		*(*int)(unsafe.Pointer(uintptr(0x123456789000))) = 1
	case "exit":
		defer fmt.Println("never")
		os.Exit(41)
	case "goexit":
		go func() { fmt.Println("last"); os.Exit(5) }()
		runtime.Goexit()
	}
}

func main() {
	if len(os.Args) > 1 {
		child(os.Args[1])
		return
	}
	try := func(name string, do func()) {
		defer func() {
			reason := recover()
			_, isRuntime := reason.(runtime.Error)
			fmt.Println(name, reason, isRuntime)
		}()
		do()
	}
	zero, index := 0, 5
	try("divide", func() { fmt.Println(1 / zero) })
	try("index", func() { fmt.Println([]int{1, 2}[index]) })
	try("nil", func() { var none *thing; fmt.Println(none.field) })
	try("write", func() { var none *thing; none.field = 1 })
	try("convert", func() { var any interface{} = "text"; fmt.Println(any.(int)) })
	try("wrapped", func() { panic(fmt.Errorf("outer: %w", errors.New("inner"))) })
	try("fault", func() {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			fmt.Println(err)
		}
		page[10] = 1
	})
	self, _ := os.Executable()
	for _, how := range []string{"panic", "deadlock", "overflow", "nil", "map", "address", "exit", "goexit"} {
		command := exec.Command(self, how)
		var stderr strings.Builder
		command.Stderr = &stderr
		out, err := command.Output()
		first := strings.SplitN(stderr.String(), "\n", 2)[0]
		fmt.Printf("%s %q %v: %s\n", how, out, err, first)
	}
	var deep interface{ Error() string } = fmt.Errorf("%w", os.ErrInvalid)
	fmt.Println(errors.Is(deep, os.ErrInvalid))
	panic(deep)
}
