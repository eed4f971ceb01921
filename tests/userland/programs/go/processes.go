// os/exec: output, input, codes, environment, folders, killing, many at once.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Println("child", os.Args[1:], os.Getenv("X"))
		os.Exit(7)
	}
	out, err := exec.Command("echo", "hello").Output()
	fmt.Printf("%q %v\n", out, err)

	command := exec.Command("tr", "a-z", "A-Z")
	command.Stdin = strings.NewReader("shout")
	out, err = command.CombinedOutput()
	fmt.Printf("%q %v\n", out, err)

	self, err := os.Executable()
	fmt.Println(self, err)
	command = exec.Command(self, "a", "b c")
	command.Env = []string{"X=value"}
	out, err = command.Output()
	var exit *exec.ExitError
	fmt.Printf("%q %v %d\n", out, errors.As(err, &exit), exit.ExitCode())

	_, err = exec.Command("/nonexistent").Output()
	fmt.Println(err)
	_, err = exec.LookPath("no-such-program")
	fmt.Println(errors.Is(err, exec.ErrNotFound))
	err = exec.Command("/etc").Run()
	fmt.Println(errors.Is(err, os.ErrPermission))

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err = exec.CommandContext(ctx, "sleep", "100").Run()
	errors.As(err, &exit)
	status := exit.Sys().(syscall.WaitStatus)
	fmt.Println(err, status.Signaled(), status.Signal())

	command = exec.Command("sh", "-c", "pwd; echo err >&2; read line; echo got $line; exit 3")
	command.Dir = "/usr"
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdin, _ := command.StdinPipe()
	stdout, _ := command.StdoutPipe()
	fmt.Println(command.Start())
	fmt.Fprintln(stdin, "line")
	all, _ := io.ReadAll(stdout)
	err = command.Wait()
	fmt.Printf("%q %q %v\n", all, stderr.String(), err)

	// A file of ours as the child's fourth.
	reader, writer, _ := os.Pipe()
	command = exec.Command("sh", "-c", "echo through >&3")
	command.ExtraFiles = []*os.File{writer}
	fmt.Println(command.Run())
	writer.Close()
	all, _ = io.ReadAll(reader)
	fmt.Printf("%q\n", all)

	command = exec.Command("sh", "-c", "id -u; id -g; kill -0 -$$ && echo leader")
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: 1000, Gid: 1001}}
	out, err = command.Output()
	fmt.Printf("%q %v\n", out, err)

	command = exec.Command("sh", "-c", "kill -STOP $$; exit 4")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	fmt.Println(command.Start())
	var wait syscall.WaitStatus
	syscall.Wait4(command.Process.Pid, &wait, syscall.WUNTRACED, nil)
	fmt.Println("stopped", wait.Stopped(), wait.StopSignal())
	syscall.Kill(-command.Process.Pid, syscall.SIGCONT)
	fmt.Println(command.Wait())

	var group sync.WaitGroup
	var mutex sync.Mutex
	codes := 0
	for i := 0; i < 24; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			err := exec.Command("sh", "-c", fmt.Sprintf("exit %d", i)).Run()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				mutex.Lock()
				codes += exit.ExitCode()
				mutex.Unlock()
			}
		}(i)
	}
	group.Wait()
	fmt.Println("codes", codes)

	fmt.Println(syscall.Exec("/bin/sh", []string{"sh", "-c", "echo replaced; exit 9"}, os.Environ()))
}
