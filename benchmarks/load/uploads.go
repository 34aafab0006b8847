package main

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// sendUploads pushes blobs as distribution-spec's "Pushing a blob in chunks" has it, with one chunk: POST, PATCH, PUT.
func sendUploads(plan uploadPlan) (outcome, error) {
	dialer, err := newDialer(plan.place)
	if err != nil {
		return outcome{}, err
	}
	content, err := newContent(plan.Size, plan.Seed)
	if err != nil {
		return outcome{}, err
	}
	var next atomic.Int64
	var until time.Time
	var workers []func() tally
	for range plan.Connections {
		opened, err := dialer.dial()
		if err != nil {
			return outcome{}, err
		}
		workers = append(workers, func() (done tally) {
			defer opened.Close()
			for number := next.Add(1); number <= plan.Operations || time.Now().Before(until); number = next.Add(1) {
				began := time.Now()
				if done.err = upload(opened, plan, content.blob(number)); done.err != nil {
					return done
				}
				done.bytes += plan.Size
				done.latencies = append(done.latencies, time.Since(began))
			}
			return done
		})
	}
	clock := startStopwatch()
	until = clock.began.Add(time.Duration(plan.Seconds * float64(time.Second)))
	tallies := together(workers)
	return summarise(tallies, clock)
}

func upload(opened *stream, plan uploadPlan, content blob) error {
	started, err := step(opened, plan, "POST", "/v2/"+plan.Repository+"/blobs/uploads/", "Content-Length: 0\r\n")
	if err != nil {
		return err
	}
	length := fmt.Sprintf("Content-Length: %d\r\n", plan.Size)
	if plan.Chunked {
		length = "Transfer-Encoding: chunked\r\n"
	}
	head := wire(plan, "PATCH", started, "Content-Type: application/octet-stream\r\n"+length)
	pieces := append(net.Buffers{head}, content.pieces(plan.Chunked)...)
	if _, err := pieces.WriteTo(opened.Conn); err != nil {
		return fmt.Errorf("sending a blob: %w", err)
	}
	patched, _, err := opened.answer("PATCH")
	if err != nil {
		return fmt.Errorf("PATCH: %w", err)
	}
	target, err := relative(patched.location)
	if err != nil {
		return err
	}
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	_, err = step(opened, plan, "PUT", target+separator+"digest="+content.digest, "Content-Length: 0\r\n")
	return err
}

// step makes a request without a body, and gives the target that the answer names.
func step(opened *stream, plan uploadPlan, method, target, fields string) (string, error) {
	answered, _, err := opened.ask(wire(plan, method, target, fields), method)
	if err != nil {
		return "", fmt.Errorf("%s: %w", method, err)
	}
	return relative(answered.location)
}

func wire(plan uploadPlan, method, target, fields string) []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", method, target, plan.Address, fields)
}

func relative(location string) (string, error) {
	parsed, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	return parsed.RequestURI(), nil
}
