// net over AF_UNIX: streams, datagrams, packets, abstract names, passing files, HTTP, time limits.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func streams(name string) {
	listener, err := net.Listen("unix", name)
	check(err)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					fmt.Fprintln(conn, strings.ToUpper(lines.Text()))
				}
			}()
		}
	}()
	var all sync.WaitGroup
	var mutex sync.Mutex
	answered := 0
	for c := 0; c < 32; c++ {
		all.Add(1)
		go func(c int) {
			defer all.Done()
			conn, err := net.Dial("unix", name)
			check(err)
			defer conn.Close()
			answers := bufio.NewScanner(conn)
			for i := 0; i < 20; i++ {
				fmt.Fprintf(conn, "client %d line %d\n", c, i)
				answers.Scan()
				if answers.Text() == fmt.Sprintf("CLIENT %d LINE %d", c, i) {
					mutex.Lock()
					answered++
					mutex.Unlock()
				}
			}
		}(c)
	}
	all.Wait()
	fmt.Println(listener.Addr().Network(), answered)
	listener.Close()
	_, err = net.Dial("unix", name)
	fmt.Println(errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist))
}

func datagrams() {
	server, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "/tmp/gram", Net: "unixgram"})
	check(err)
	client, err := net.DialUnix("unixgram", &net.UnixAddr{Name: "/tmp/gram-client", Net: "unixgram"}, server.LocalAddr().(*net.UnixAddr))
	check(err)
	for _, text := range []string{"one", "", "three"} {
		_, err := client.Write([]byte(text))
		check(err)
	}
	buffer := make([]byte, 100)
	for i := 0; i < 3; i++ {
		n, from, err := server.ReadFromUnix(buffer)
		fmt.Printf("%q %v %v\n", buffer[:n], from, err)
	}
	check(server.SetReadDeadline(time.Now().Add(20 * time.Millisecond)))
	_, err = server.Read(buffer)
	fmt.Println(errors.Is(err, os.ErrDeadlineExceeded))
}

func packets() {
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: "@abstract", Net: "unixpacket"})
	check(err)
	client, err := net.Dial("unixpacket", "@abstract")
	check(err)
	server, err := listener.AcceptUnix()
	check(err)
	client.Write([]byte("first"))
	client.Write([]byte("second"))
	buffer := make([]byte, 3)
	n, _ := server.Read(buffer)
	fmt.Printf("%q ", buffer[:n])
	n, _ = server.Read(buffer)
	fmt.Printf("%q\n", buffer[:n])
	client.Close()
	n, err = server.Read(buffer)
	fmt.Println(n, err)
}

func passing() {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	check(err)
	conns := [2]*net.UnixConn{}
	for i, fd := range pair {
		conn, err := net.FileConn(os.NewFile(uintptr(fd), "pair"))
		check(err)
		conns[i] = conn.(*net.UnixConn)
	}
	reader, writer, _ := os.Pipe()
	_, _, err = conns[0].WriteMsgUnix([]byte("take"), syscall.UnixRights(int(writer.Fd())), nil)
	check(err)
	writer.Close()
	data, control := make([]byte, 10), make([]byte, 100)
	n, controlled, _, _, err := conns[1].ReadMsgUnix(data, control)
	check(err)
	messages, err := syscall.ParseSocketControlMessage(control[:controlled])
	check(err)
	fds, err := syscall.ParseUnixRights(&messages[0])
	check(err)
	received := os.NewFile(uintptr(fds[0]), "received")
	fmt.Fprint(received, "written through it")
	received.Close()
	all, _ := io.ReadAll(reader)
	fmt.Printf("%q %q\n", data[:n], all)
	raw, _ := conns[0].SyscallConn()
	raw.Control(func(fd uintptr) {
		size, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TYPE)
		fmt.Println(size == syscall.SOCK_STREAM, err)
	})
	conns[0].CloseWrite()
	n, err = conns[1].Read(data)
	fmt.Println(n, err)
	// A read that waits is ended by closing.
	ended := make(chan error)
	go func() { _, err := conns[0].Read(data); ended <- err }()
	time.Sleep(10 * time.Millisecond)
	conns[0].Close()
	fmt.Println(errors.Is(<-ended, net.ErrClosed))
}

type Adder struct{}

// Add is what is called from afar.
func (Adder) Add(pair [2]int, sum *int) error { *sum = pair[0] + pair[1]; return nil }

func protocols() {
	listener, err := net.Listen("unix", "/tmp/http")
	check(err)
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Length", fmt.Sprint(len(body)))
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Query().Get("q"), len(body))
	})
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	client := http.Client{Transport: &http.Transport{
		Dial: func(_, _ string) (net.Conn, error) { return net.Dial("unix", "/tmp/http") },
	}}
	for _, size := range []int{0, 10, 300000} {
		response, err := client.Post("http://unix/echo?q=v", "text/plain", strings.NewReader(strings.Repeat("x", size)))
		check(err)
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Println(response.StatusCode, string(body), response.Header.Get("X-Length"))
	}
	response, err := client.Get("http://unix/nothing")
	check(err)
	fmt.Println(response.Status)
	server.Close()

	check(rpc.Register(Adder{}))
	listener, err = net.Listen("unix", "/tmp/rpc")
	check(err)
	go rpc.Accept(listener)
	remote, err := rpc.Dial("unix", "/tmp/rpc")
	check(err)
	sum := 0
	calls := make(chan *rpc.Call, 100)
	sums := make([]int, 100)
	for i := range sums {
		remote.Go("Adder.Add", [2]int{i, 1}, &sums[i], calls)
	}
	for range sums {
		check((<-calls).Error)
	}
	for _, one := range sums {
		sum += one
	}
	fmt.Println("rpc", sum)
}

func main() {
	streams("/tmp/stream")
	streams("@abstract-stream")
	datagrams()
	packets()
	passing()
	protocols()
	pipe, other := net.Pipe()
	go other.Write([]byte("in memory"))
	buffer := make([]byte, 20)
	n, err := pipe.Read(buffer)
	fmt.Printf("%q %v\n", buffer[:n], err)
}
