package main

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// Plain HTTP is asked from few threads that wait for many connections at once: on a machine that the server shares, a
// client's goroutines would cost as much as a good server's answers.

// No copy is made of what the kernel discards, so its size is free.
const discardStep = 16 << 20

// How much of a large body wakes a thread; it fits into what a socket may hold (tcp_rmem).
const wakeStep = 1 << 20

type channel struct {
	fd      int
	buffer  []byte
	have    int
	out     []byte
	writing bool // whether it is watched for room to write
	method  string
	began   time.Time
	head    *answer
	left    int64
	atLeast int // as many bytes make it ready
	body    chunks
}

type events struct {
	epoll    int
	channels map[int32]*channel
	scratch  []byte
	copying  bool
	turns    *turn
	limit    time.Time
	done     tally
}

// eventWorkers opens the connections of a plan and shares them among its threads.
func eventWorkers(plan requestPlan, address *net.TCPAddr, turns *turn) ([]func() tally, error) {
	threads := max(1, min(plan.Threads, plan.Connections))
	// Each keeps its place in Go's scheduler while it waits in the kernel.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), threads+1))
	var workers []func() tally
	loops := make([]*events, threads)
	for number := range loops {
		epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err != nil {
			return nil, err
		}
		loops[number] = &events{
			epoll:    epoll,
			channels: map[int32]*channel{},
			scratch:  make([]byte, 1<<20),
			copying:  plan.Copy,
			turns:    turns,
			limit:    time.Now().Add(deadlineS),
		}
		workers = append(workers, loops[number].run)
	}
	for number := range plan.Connections {
		if err := loops[number%threads].open(address); err != nil {
			return nil, err
		}
	}
	return workers, nil
}

func (e *events) open(address *net.TCPAddr) error {
	family, to := socketAddress(address)
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := syscall.Connect(fd, to); err != nil {
		return fmt.Errorf("connecting to %s: %w", address, err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return err
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return err
	}
	e.channels[int32(fd)] = &channel{fd: fd, buffer: make([]byte, 64<<10), atLeast: 1}
	return watch(e.epoll, syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN)
}

func socketAddress(address *net.TCPAddr) (int, syscall.Sockaddr) {
	if four := address.IP.To4(); four != nil {
		return syscall.AF_INET, &syscall.SockaddrInet4{Port: address.Port, Addr: [4]byte(four)}
	}
	return syscall.AF_INET6, &syscall.SockaddrInet6{Port: address.Port, Addr: [16]byte(address.IP.To16())}
}

func watch(epoll, operation, fd int, events uint32) error {
	return syscall.EpollCtl(epoll, operation, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

func (e *events) run() tally {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := e.serve(); err != nil {
		e.done.err = err
	}
	return e.done
}

func (e *events) serve() error {
	for _, one := range e.channels {
		if err := e.next(one); err != nil {
			return err
		}
	}
	ready := make([]syscall.EpollEvent, 64)
	for len(e.channels) > 0 {
		count, err := wait(e.epoll, ready)
		if err != nil {
			return err
		}
		if time.Now().After(e.limit) {
			return fmt.Errorf("the server did not answer in time")
		}
		for _, event := range ready[:count] {
			one := e.channels[event.Fd]
			if one.writing {
				err = e.send(one)
			} else {
				err = e.receive(one)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// wait blocks in the kernel without telling Go's scheduler, which would wake threads to take over what is not there.
func wait(epoll int, ready []syscall.EpollEvent) (int, error) {
	const patienceMs = 1000
	count, _, code := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll),
		uintptr(unsafe.Pointer(&ready[0])), uintptr(len(ready)), patienceMs, 0, 0)
	switch code {
	case 0:
		return int(count), nil
	case syscall.EINTR:
		return 0, nil
	}
	return 0, code
}

// next sends another request, or closes the connection when enough was asked.
func (e *events) next(one *channel) error {
	number, more := e.turns.take()
	if !more {
		delete(e.channels, int32(one.fd))
		return syscall.Close(one.fd)
	}
	if err := one.wakeAt(1); err != nil {
		return err
	}
	one.out, one.method, one.head = e.turns.wires[number], e.turns.methods[number], nil
	one.began = time.Now()
	return e.send(one)
}

func (e *events) send(one *channel) error {
	for len(one.out) > 0 {
		count, code := send(one.fd, one.out)
		if code == syscall.EAGAIN {
			one.writing = true
			return watch(e.epoll, syscall.EPOLL_CTL_MOD, one.fd, syscall.EPOLLOUT)
		}
		if code != 0 {
			return code
		}
		one.out = one.out[count:]
	}
	if one.writing {
		one.writing = false
		return watch(e.epoll, syscall.EPOLL_CTL_MOD, one.fd, syscall.EPOLLIN)
	}
	return nil
}

// receive reads once; what is left makes the connection ready again.
func (e *events) receive(one *channel) error {
	if one.head != nil && !one.head.chunked {
		return e.receiveBody(one)
	}
	if one.have == len(one.buffer) {
		return fmt.Errorf("the head of an answer is too long")
	}
	count, err := receive(one.fd, one.buffer[one.have:], len(one.buffer)-one.have, 0)
	if err != nil || count == 0 {
		return err
	}
	one.have += count
	if one.head == nil {
		if one.head, err = parseAnswer(one.buffer[:one.have], one.method); err != nil || one.head == nil {
			return err
		}
		if err := one.head.refused(); err != nil {
			return err
		}
		one.left, one.body = one.head.length, chunks{}
		one.drop(one.head.size)
	}
	return e.advance(one)
}

// advance takes what the buffer holds of a body.
func (e *events) advance(one *channel) error {
	if one.head.chunked {
		used, done, err := one.body.take(one.buffer[:one.have])
		one.drop(used)
		if err != nil || !done {
			return err
		}
		return e.finish(one, one.body.content)
	}
	step := min(one.left, int64(one.have))
	one.drop(int(step))
	if one.left -= step; one.left > 0 {
		return one.wakeWhenWorth()
	}
	return e.finish(one, one.head.length)
}

func (e *events) receiveBody(one *channel) error {
	size, flags := discardStep, syscall.MSG_TRUNC
	if e.copying {
		size, flags = len(e.scratch), 0
	}
	count, err := receive(one.fd, e.scratch, int(min(int64(size), one.left)), flags)
	if err != nil {
		return err
	}
	if one.left -= int64(count); one.left > 0 {
		return one.wakeWhenWorth()
	}
	return e.finish(one, one.head.length)
}

// wakeWhenWorth lets a large body arrive in few pieces: each wakes this thread, on a core that the server could use.
func (c *channel) wakeWhenWorth() error {
	if c.atLeast == 1 && c.left <= int64(len(c.buffer)) {
		return nil // One more read takes it, so nothing would be spared.
	}
	return c.wakeAt(int(min(c.left, wakeStep)))
}

func (c *channel) wakeAt(size int) error {
	if c.atLeast == size {
		return nil
	}
	c.atLeast = size
	return syscall.SetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, size)
}

func (e *events) finish(one *channel, length int64) error {
	e.done.bytes += length
	e.done.latencies = append(e.done.latencies, time.Since(one.began))
	return e.next(one)
}

func (c *channel) drop(count int) {
	copy(c.buffer, c.buffer[count:c.have])
	c.have -= count
}

// receive reads up to size bytes; with MSG_TRUNC the kernel drops them, and size may be larger than the buffer.
func receive(fd int, buffer []byte, size, flags int) (int, error) {
	count, _, code := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(&buffer[0])), uintptr(size), uintptr(flags|syscall.MSG_DONTWAIT), 0, 0)
	switch {
	case code == syscall.EAGAIN || code == syscall.EINTR:
		return 0, nil
	case code != 0:
		return 0, code
	case count == 0:
		return 0, io.ErrUnexpectedEOF
	}
	return int(count), nil
}

// send sends what there is room for.
func send(fd int, data []byte) (int, syscall.Errno) {
	count, _, code := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)), syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT, 0, 0)
	if code != 0 {
		return 0, code
	}
	return int(count), 0
}

// sendFile sends bytes of a file without copying them.
func sendFile(fd, file int, from, size int64) (int64, syscall.Errno) {
	count, _, code := syscall.RawSyscall6(syscall.SYS_SENDFILE, uintptr(fd), uintptr(file),
		uintptr(unsafe.Pointer(&from)), uintptr(size), 0, 0)
	if code != 0 {
		return 0, code
	}
	return int64(count), 0
}
