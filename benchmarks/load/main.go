// Load asks an HTTP server of this machine as fast as it answers, and tells how fast that was.
//
//	load requests        prepared requests over and over, or each of them once
//	load uploads         blobs that the server has never seen, as `docker push` sends them
//	load respond         a server that does nothing but answer, to measure the other two with
//	load certificate     a certificate of this machine's loopback addresses, valid for a day
//
// What to do is read from standard input as JSON (see plan.go); what came of it is written to standard output as JSON.
// Only loopback addresses are asked.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime/debug"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("expected one of: requests, uploads, respond, certificate")
	}
	// Runs are short and hold little; a collection would take time from the server on the same cores.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	switch arguments[0] {
	case "requests":
		return perform(sendRequests)
	case "uploads":
		return perform(sendUploads)
	case "respond":
		return perform(respond)
	case "certificate":
		return perform(makeCertificate)
	}
	return fmt.Errorf("unknown work %q", arguments[0])
}

// perform reads a plan of the kind that the work takes, does the work and writes its result.
func perform[Plan any, Result any](work func(Plan) (Result, error)) error {
	var plan Plan
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&plan); err != nil {
		return fmt.Errorf("the plan cannot be read: %w", err)
	}
	result, err := work(plan)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// loopback gives the address to connect to, and refuses one that is not this machine's own.
func loopback(address string) (*net.TCPAddr, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is no loopback address", address)
	}
	return resolved, nil
}
