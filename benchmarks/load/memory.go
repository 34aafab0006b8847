package main

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// The number of memfd_create(2), which package syscall does not name, by architecture.
var memfdCreate = map[string]uintptr{"amd64": 319, "arm64": 279}

// memoryFile gives a file with this content that has no name and lies on no disk: what the kernel sends from a file,
// no process copies.
func memoryFile(content []byte) (*os.File, error) {
	file, err := newMemoryFile()
	if err != nil {
		return nil, err
	}
	_, err = file.Write(content)
	return file, err
}

func newMemoryFile() (*os.File, error) {
	if number, known := memfdCreate[runtime.GOARCH]; known {
		name := []byte("load\x00")
		fd, _, code := syscall.RawSyscall(number, uintptr(unsafe.Pointer(&name[0])), 1 /* MFD_CLOEXEC */, 0)
		if code == 0 {
			return os.NewFile(fd, "memory"), nil
		}
	}
	file, err := os.CreateTemp("", "load.")
	if err != nil {
		return nil, err
	}
	return file, os.Remove(file.Name())
}
