package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"syscall"
)

// respondPlan is what to answer. A server that does nothing else shows how fast the generator itself could go.
type respondPlan struct {
	// Size is how many bytes the body of an answer to GET has.
	Size int64 `json:"size"`
	// Threads that answer.
	Threads int `json:"threads"`
}

// smallSize is up to which size a body is sent together with its head.
const smallSize = 64 << 10

type responder struct {
	epoll    int
	listener int
	content  *responseContent
	scratch  []byte
	open     map[int32]*respondent
}

// responseContent is what responders send: heads by method, and the body in a file whose bytes are sent over and over.
type responseContent struct {
	size  int64
	heads map[string][]byte
	file  int
}

// respondent is one connection: it receives a request, then sends its answer, and so on.
type respondent struct {
	fd      int
	buffer  []byte
	have    int
	request *answer // the fields of the request's head once it is complete
	method  string
	left    int64 // of the request's body
	body    chunks
	out     []byte
	after   int64 // of the answer's body, once out is sent
	writing bool
}

// respond answers requests on a port of loopback until standard input ends. It writes its address first.
func respond(plan respondPlan) (struct{}, error) {
	listener, address, err := listen()
	if err != nil {
		return struct{}{}, err
	}
	content, err := newResponseContent(plan.Size)
	if err != nil {
		return struct{}{}, err
	}
	threads := max(1, plan.Threads)
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), threads+1))
	for range threads {
		epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err != nil {
			return struct{}{}, err
		}
		loop := &responder{epoll, listener, content, make([]byte, 1<<20), map[int32]*respondent{}}
		if err := watch(epoll, syscall.EPOLL_CTL_ADD, listener, syscall.EPOLLIN); err != nil {
			return struct{}{}, err
		}
		go loop.run()
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"address": address}); err != nil {
		return struct{}{}, err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return struct{}{}, err
}

func listen() (listener int, address string, err error) {
	const kind = syscall.SOCK_STREAM | syscall.SOCK_CLOEXEC | syscall.SOCK_NONBLOCK
	if listener, err = syscall.Socket(syscall.AF_INET, kind, 0); err != nil {
		return 0, "", err
	}
	if err = syscall.Bind(listener, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, "", err
	}
	if err = syscall.Listen(listener, 1024); err != nil {
		return 0, "", err
	}
	bound, err := syscall.Getsockname(listener)
	if err != nil {
		return 0, "", err
	}
	return listener, fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port), nil
}

func newResponseContent(size int64) (*responseContent, error) {
	file, err := memoryFile(make([]byte, min(size, blockSize)))
	if err != nil {
		return nil, err
	}
	found := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
	accepted := []byte("HTTP/1.1 202 Accepted\r\nLocation: /upload\r\nContent-Length: 0\r\n\r\n")
	created := []byte("HTTP/1.1 201 Created\r\nLocation: /blob\r\nContent-Length: 0\r\n\r\n")
	content := &responseContent{size, map[string][]byte{
		"HEAD": found, "GET": found, "POST": accepted, "PATCH": accepted, "PUT": created,
	}, int(file.Fd())}
	if size <= smallSize {
		// One write, as every server makes it.
		content.heads["GET"] = append(slices.Clip(found), make([]byte, size)...)
		content.size = 0
	}
	return content, nil
}

func (r *responder) run() {
	runtime.LockOSThread()
	ready := make([]syscall.EpollEvent, 64)
	for {
		count, err := wait(r.epoll, ready)
		if err != nil {
			return
		}
		for _, event := range ready[:count] {
			if int(event.Fd) == r.listener {
				r.accept()
			} else if one := r.open[event.Fd]; r.proceed(one) != nil {
				delete(r.open, event.Fd)
				syscall.Close(one.fd)
			}
		}
	}
}

// accept takes one connection, unless another thread was faster.
func (r *responder) accept() {
	fd, _, err := syscall.Accept4(r.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	if err != nil {
		return
	}
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	r.open[int32(fd)] = &respondent{fd: fd, buffer: make([]byte, 64<<10)}
	watch(r.epoll, syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN)
}

// proceed does with a connection what can be done without waiting, at most one read of it.
func (r *responder) proceed(one *respondent) error {
	if one.writing {
		return r.send(one)
	}
	if one.request == nil {
		count, err := receive(one.fd, one.buffer[one.have:], len(one.buffer)-one.have, 0)
		if err != nil {
			return err
		}
		one.have += count
		return r.begin(one)
	}
	count, err := receive(one.fd, r.scratch, len(r.scratch), 0)
	if err != nil {
		return err
	}
	return r.take(one, r.scratch[:count])
}

// begin reads the head of a request, when it is complete, and what came with it of the body.
func (r *responder) begin(one *respondent) error {
	end := bytes.Index(one.buffer[:one.have], endOfHead)
	if end < 0 {
		return nil
	}
	one.request, one.body = &answer{}, chunks{}
	if err := one.request.fields(one.buffer[:end]); err != nil {
		return err
	}
	method, _, _ := bytes.Cut(one.buffer[:end], []byte(" "))
	one.method, one.left = string(method), one.request.length
	rest := one.buffer[end+len(endOfHead) : one.have]
	one.have = 0
	return r.take(one, rest)
}

// take reads a piece of a request's body; at its end it answers.
func (r *responder) take(one *respondent, piece []byte) error {
	if one.request.chunked {
		if _, done, err := one.body.take(piece); err != nil || !done {
			return err
		}
	} else if one.left -= int64(len(piece)); one.left > 0 {
		return nil
	}
	one.request, one.out, one.after = nil, r.content.heads[one.method], 0
	if one.method == "GET" {
		one.after = r.content.size
	}
	return r.send(one)
}

func (r *responder) send(one *respondent) error {
	for len(one.out) > 0 || one.after > 0 {
		code := r.sendSome(one)
		if code == syscall.EAGAIN && !one.writing {
			one.writing = true
			return watch(r.epoll, syscall.EPOLL_CTL_MOD, one.fd, syscall.EPOLLOUT)
		}
		if code == syscall.EAGAIN {
			return nil
		}
		if code != 0 {
			return code
		}
	}
	if one.writing {
		one.writing = false
		return watch(r.epoll, syscall.EPOLL_CTL_MOD, one.fd, syscall.EPOLLIN)
	}
	return nil
}

func (r *responder) sendSome(one *respondent) syscall.Errno {
	if len(one.out) > 0 {
		count, code := send(one.fd, one.out)
		one.out = one.out[count:]
		return code
	}
	from := (r.content.size - one.after) % blockSize
	count, code := sendFile(one.fd, r.content.file, from, min(one.after, blockSize-from))
	one.after -= count
	return code
}
