package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// answer is what the head of a response says about the rest.
type answer struct {
	status   int
	size     int   // of the head, in bytes
	length   int64 // of the body
	chunked  bool
	location string
}

var (
	endOfHead        = []byte("\r\n\r\n")
	contentLength    = []byte("content-length")
	transferEncoding = []byte("transfer-encoding")
	location         = []byte("location")
)

// parseAnswer reads the head of a response to a request by method; nothing when the head is not complete yet.
func parseAnswer(text []byte, method string) (*answer, error) {
	end := bytes.Index(text, endOfHead)
	if end < 0 {
		return nil, nil
	}
	if end < 12 || string(text[:7]) != "HTTP/1." {
		return nil, fmt.Errorf("no HTTP answer: %.80q", text)
	}
	status, err := strconv.Atoi(string(text[9:12]))
	if err != nil {
		return nil, fmt.Errorf("no HTTP status: %.80q", text)
	}
	found := &answer{status: status, size: end + len(endOfHead)}
	if err := found.fields(text[12:end]); err != nil {
		return nil, err
	}
	if method == "HEAD" || status == 204 || status == 304 {
		found.length, found.chunked = 0, false
	}
	return found, nil
}

// fields reads the lines of a head; the first, which is no field, may be among them.
func (a *answer) fields(head []byte) error {
	for rest := head; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, endOfHead[:2])
		rest = after
		name, value, isField := bytes.Cut(line, []byte(":"))
		if !isField {
			continue
		}
		if err := a.field(name, bytes.TrimSpace(value)); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) field(name, value []byte) (err error) {
	switch {
	case bytes.EqualFold(name, contentLength):
		a.length, err = strconv.ParseInt(string(value), 10, 64)
	case bytes.EqualFold(name, transferEncoding):
		a.chunked = bytes.EqualFold(value, []byte("chunked"))
	case bytes.EqualFold(name, location):
		a.location = string(value)
	}
	return err
}

// refused tells whether the server did not do what it was asked.
func (a *answer) refused() error {
	if a.status >= 200 && a.status < 300 {
		return nil
	}
	return fmt.Errorf("the server answered %d", a.status)
}

// chunks follows a body in chunks (RFC 9112, "Chunked Transfer Coding") through the pieces in which it arrives.
type chunks struct {
	left    int64 // of the current chunk, with the line end after it
	line    []byte
	last    bool
	content int64
}

// take reads a piece; it tells how much of it belongs to the body, and whether the body ends with that.
func (c *chunks) take(piece []byte) (used int, done bool, err error) {
	for used < len(piece) {
		if c.left > 0 {
			step := min(c.left, int64(len(piece)-used))
			c.left -= step
			used += int(step)
			continue
		}
		letter := piece[used]
		used++
		if letter != '\n' {
			c.line = append(c.line, letter)
			continue
		}
		text := bytes.TrimSpace(c.line)
		c.line = c.line[:0]
		if c.last {
			if len(text) == 0 {
				return used, true, nil
			}
			continue // a trailer
		}
		size, _, _ := bytes.Cut(text, []byte(";"))
		step, err := strconv.ParseInt(string(bytes.TrimSpace(size)), 16, 64)
		if err != nil {
			return used, false, fmt.Errorf("no size of a chunk: %.40q", text)
		}
		c.content += step
		if c.last = step == 0; !c.last {
			c.left = step + 2
		}
	}
	return used, false, nil
}
