package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// place is where the server listens, and how to talk to it.
type place struct {
	Address string `json:"address"`
	// PEM file of the authority to trust; empty means plain HTTP.
	Authority string `json:"authority"`
}

// requestPlan asks Requests in turn on each of Connections, one at a time.
type requestPlan struct {
	place
	Connections int       `json:"connections"`
	Requests    []request `json:"requests"`
	// For how long, but each request is sent once at least.
	Seconds float64 `json:"seconds"`
	// Threads that serve the connections; large bodies may need more than one. Plain HTTP only.
	Threads int `json:"threads"`
	// Whether bodies are copied out of the kernel, as a client that uses them does; plain HTTP only.
	Copy bool `json:"copy"`
	// Whether each request has a connection of its own.
	Fresh bool `json:"fresh"`
}

type request struct {
	Method  string            `json:"method"`
	Target  string            `json:"target"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// uploadPlan sends blobs of Size bytes, Connections at a time: Operations of them, and more until Seconds have passed.
type uploadPlan struct {
	place
	Connections int     `json:"connections"`
	Repository  string  `json:"repository"`
	Size        int64   `json:"size"`
	Operations  int64   `json:"operations"`
	Seconds     float64 `json:"seconds"`
	// Whether the length of a body is announced, or the body is sent in chunks.
	Chunked bool `json:"chunked"`
	// What no other run has: it makes the blobs of this run differ from all others.
	Seed string `json:"seed"`
}

// outcome is what came of a run. Operations that the server refused make a run fail.
type outcome struct {
	Operations int64   `json:"operations"`
	Bytes      int64   `json:"bytes"`
	Seconds    float64 `json:"seconds"`
	MedianS    float64 `json:"median_s"`
	SlowS      float64 `json:"slow_s"` // 99 of 100 operations were not slower
	CPUS       float64 `json:"cpu_s"`  // what this program used meanwhile
}

// deadlineS is how long a run may go on after it should have ended.
const deadlineS = 300 * time.Second

// tally collects what one connection or thread did.
type tally struct {
	bytes     int64
	latencies []time.Duration
	err       error
}

// stopwatch measures the time of a run and what it costs this program.
type stopwatch struct {
	began time.Time
	used  time.Duration
}

func startStopwatch() stopwatch {
	return stopwatch{time.Now(), ownCPU()}
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // It takes no other arguments.
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func summarise(tallies []tally, clock stopwatch) (outcome, error) {
	var all []time.Duration
	result := outcome{Seconds: time.Since(clock.began).Seconds(), CPUS: (ownCPU() - clock.used).Seconds()}
	for _, one := range tallies {
		if one.err != nil {
			return result, one.err
		}
		result.Bytes += one.bytes
		all = append(all, one.latencies...)
	}
	if len(all) == 0 {
		return result, fmt.Errorf("nothing was done")
	}
	slices.Sort(all)
	result.Operations = int64(len(all))
	result.MedianS = all[len(all)/2].Seconds()
	result.SlowS = all[len(all)*99/100].Seconds()
	return result, nil
}

// wire is the request as it is sent.
func (r request) wire(address string) []byte {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: moorage-load\r\n", r.Method, r.Target, address)
	for name, value := range r.Headers {
		fmt.Fprintf(&text, "%s: %s\r\n", name, value)
	}
	if r.Body != "" {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(r.Body))
	}
	text.WriteString("\r\n")
	text.WriteString(r.Body)
	return []byte(text.String())
}
