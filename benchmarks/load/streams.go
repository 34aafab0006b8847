package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"
)

// stream is one connection on which requests follow each other.
type stream struct {
	net.Conn
	buffer []byte
	have   int
}

// dialer opens streams to one server.
type dialer struct {
	address string
	config  *tls.Config
}

func newDialer(to place) (*dialer, error) {
	if _, err := loopback(to.Address); err != nil {
		return nil, err
	}
	if to.Authority == "" {
		return &dialer{address: to.Address}, nil
	}
	pem, err := os.ReadFile(to.Authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", to.Authority)
	}
	return &dialer{to.Address, &tls.Config{RootCAs: roots}}, nil
}

func (d *dialer) dial() (*stream, error) {
	connection, err := net.Dial("tcp", d.address)
	if err != nil {
		return nil, err
	}
	// Set by Go itself; said here because small requests wait 40 ms without it.
	if err := connection.(*net.TCPConn).SetNoDelay(true); err != nil {
		return nil, err
	}
	if err := connection.SetDeadline(time.Now().Add(deadlineS)); err != nil {
		return nil, err
	}
	if d.config == nil {
		return &stream{Conn: connection, buffer: make([]byte, 128<<10)}, nil
	}
	host, _, _ := net.SplitHostPort(d.address)
	config := d.config.Clone()
	config.ServerName = host
	secured := tls.Client(connection, config)
	return &stream{Conn: secured, buffer: make([]byte, 128<<10)}, secured.Handshake()
}

// ask sends a request and reads its answer, whose body is thrown away; it gives the body's length too.
func (s *stream) ask(wire []byte, method string) (*answer, int64, error) {
	if _, err := s.Write(wire); err != nil {
		return nil, 0, err
	}
	return s.answer(method)
}

// answer reads the next answer, and throws its body away.
func (s *stream) answer(method string) (*answer, int64, error) {
	var head *answer
	for {
		var err error
		if head, err = parseAnswer(s.buffer[:s.have], method); err != nil {
			return nil, 0, err
		}
		if head != nil {
			break
		}
		if err := s.fill(); err != nil {
			return nil, 0, err
		}
	}
	s.drop(head.size)
	length, err := s.skip(head)
	if err != nil {
		return nil, 0, err
	}
	return head, length, head.refused()
}

func (s *stream) skip(head *answer) (int64, error) {
	if head.chunked {
		body := chunks{}
		for {
			used, done, err := body.take(s.buffer[:s.have])
			s.drop(used)
			if err != nil || done {
				return body.content, err
			}
			if err := s.fill(); err != nil {
				return body.content, err
			}
		}
	}
	for left := head.length; ; {
		step := min(left, int64(s.have))
		s.drop(int(step))
		if left -= step; left == 0 {
			return head.length, nil
		}
		if err := s.fill(); err != nil {
			return head.length - left, err
		}
	}
}

func (s *stream) fill() error {
	if s.have == len(s.buffer) {
		return fmt.Errorf("the head of an answer is too long")
	}
	count, err := s.Read(s.buffer[s.have:])
	s.have += count
	if count > 0 {
		return nil
	}
	return err
}

func (s *stream) drop(count int) {
	copy(s.buffer, s.buffer[count:s.have])
	s.have -= count
}

// streamWorkers opens the connections of a plan, each with a goroutine of its own to use it.
func streamWorkers(plan requestPlan, turns *turn) ([]func() tally, error) {
	dialer, err := newDialer(plan.place)
	if err != nil {
		return nil, err
	}
	var workers []func() tally
	for range plan.Connections {
		if plan.Fresh {
			workers = append(workers, func() tally { return askFresh(dialer, turns) })
			continue
		}
		opened, err := dialer.dial()
		if err != nil {
			return nil, err
		}
		workers = append(workers, func() tally { return askAll(opened, turns) })
	}
	return workers, nil
}

func askAll(opened *stream, turns *turn) (done tally) {
	defer opened.Close()
	for number, more := turns.take(); more; number, more = turns.take() {
		began := time.Now()
		_, length, err := opened.ask(turns.wires[number], turns.methods[number])
		if err != nil {
			done.err = err
			return done
		}
		done.bytes += length
		done.latencies = append(done.latencies, time.Since(began))
	}
	return done
}

func askFresh(dialer *dialer, turns *turn) (done tally) {
	for number, more := turns.take(); more; number, more = turns.take() {
		began := time.Now()
		opened, err := dialer.dial()
		if err != nil {
			done.err = err
			return done
		}
		_, length, err := opened.ask(turns.wires[number], turns.methods[number])
		opened.Close()
		if err != nil {
			done.err = err
			return done
		}
		done.bytes += length
		done.latencies = append(done.latencies, time.Since(began))
	}
	return done
}
