// os, io, path/filepath and syscall on files: reading, walking, renaming, locking, mapping, pipes with time limits.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
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

func main() {
	folder, err := os.MkdirTemp("", "go")
	check(err)
	check(os.Chdir(folder))
	check(os.MkdirAll("a/b/c", 0o750))
	check(os.WriteFile("a/one", []byte("first\nsecond\n"), 0o640))
	check(os.Symlink("one", "a/link"))
	check(os.Link("a/one", "a/b/two"))
	check(filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		check(err)
		info, err := entry.Info()
		check(err)
		fmt.Println(path, info.Mode())
		return nil
	}))
	info, err := os.Stat("a/link")
	check(err)
	fmt.Println(info.Size(), info.Sys().(*syscall.Stat_t).Nlink, info.Mode().IsRegular())
	same, err := os.Stat("a/b/two")
	check(err)
	fmt.Println(os.SameFile(info, same))
	when := time.Unix(1e9, 123456789)
	check(os.Chtimes("a/one", when, when))
	info, _ = os.Stat("a/b/two")
	fmt.Println(info.ModTime().UTC().Format(time.RFC3339Nano))

	_, err = os.Open("none")
	fmt.Println(err, errors.Is(err, fs.ErrNotExist))
	fmt.Println(os.Remove("a"), os.Mkdir("a", 0o700), os.Rename("a", "a/b/c/d"))
	_, err = os.ReadDir("a/one")
	fmt.Println(err)
	_, err = os.OpenFile("a/one", os.O_CREATE|os.O_EXCL, 0o600)
	fmt.Println(errors.Is(err, os.ErrExist))

	file, err := os.OpenFile("big", os.O_RDWR|os.O_CREATE, 0o600)
	check(err)
	out := bufio.NewWriter(file)
	for i := 0; i < 50000; i++ {
		fmt.Fprintf(out, "line %d\n", i)
	}
	check(out.Flush())
	check(file.Sync())
	at := make([]byte, 8)
	_, err = file.ReadAt(at, 100000)
	fmt.Printf("%q %v\n", at, err)
	_, err = file.WriteAt([]byte("patched!"), 100000)
	check(err)
	_, err = file.Seek(0, io.SeekStart)
	check(err)
	lines, patched := 0, 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); lines++ {
		if strings.Contains(scanner.Text(), "patched!") {
			patched++
		}
	}
	fmt.Println(lines, patched)
	copied, err := os.Create("copy")
	check(err)
	_, err = file.Seek(0, io.SeekStart)
	check(err)
	// copy_file_range.
	n, err := io.Copy(copied, file)
	fmt.Println(n, err)
	check(copied.Truncate(1 << 30))
	check(copied.Close())
	info, _ = os.Stat("copy")
	fmt.Println(info.Size(), info.Sys().(*syscall.Stat_t).Blocks*512 < 1<<21)

	mapped, err := syscall.Mmap(int(file.Fd()), 0, 8192, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check(err)
	copy(mapped, "MAPPED")
	check(syscall.Munmap(mapped))
	_, err = file.ReadAt(at, 0)
	fmt.Printf("%q %v\n", at, err)

	other, err := os.Open("big")
	check(err)
	check(syscall.Flock(int(file.Fd()), syscall.LOCK_EX))
	fmt.Println(syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Len: 10}
	fmt.Println(syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &lock))

	// Appending from many at once loses nothing.
	var all sync.WaitGroup
	for g := 0; g < 8; g++ {
		all.Add(1)
		go func() {
			defer all.Done()
			log, err := os.OpenFile("log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			check(err)
			defer log.Close()
			for i := 0; i < 200; i++ {
				fmt.Fprintln(log, "entry")
			}
		}()
	}
	all.Wait()
	info, _ = os.Stat("log")
	fmt.Println(info.Size())

	reader, writer, err := os.Pipe()
	check(err)
	check(reader.SetReadDeadline(time.Now().Add(20 * time.Millisecond)))
	_, err = reader.Read(at)
	fmt.Println(errors.Is(err, os.ErrDeadlineExceeded))
	check(reader.SetReadDeadline(time.Time{}))
	go func() {
		writer.Write(make([]byte, 1<<20))
		writer.Close()
	}()
	n, err = io.Copy(io.Discard, reader)
	fmt.Println(n, err)

	check(syscall.Mkfifo("fifo", 0o600))
	go func() { os.WriteFile("fifo", []byte("through a name"), 0) }()
	text, err := os.ReadFile("fifo")
	fmt.Printf("%q %v\n", text, err)

	who, err := user.Current()
	check(err)
	fmt.Println(who.Username, who.HomeDir, os.Getuid(), os.Getpagesize())
	fmt.Println(os.Expand("$HOME-${TERM}", os.Getenv), os.DirFS(folder) != nil)
	check(os.Chdir("/"))
	check(os.RemoveAll(folder))
	_, err = os.Stat(folder)
	fmt.Println(errors.Is(err, fs.ErrNotExist))
}
