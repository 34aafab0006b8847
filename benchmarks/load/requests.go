package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// turn hands out which request is next, and says when enough was asked.
type turn struct {
	wires   [][]byte
	methods []string
	next    atomic.Int64
	until   time.Time
}

// take gives the number of a request that a connection should send, or false when it should stop. Each is sent once at
// least: on a machine that has more to do, a short time may be over before the first.
func (t *turn) take() (int, bool) {
	number, all := t.next.Add(1)-1, int64(len(t.wires))
	return int(number % all), number < all || time.Now().Before(t.until)
}

func sendRequests(plan requestPlan) (outcome, error) {
	address, err := loopback(plan.Address)
	if err != nil {
		return outcome{}, err
	}
	if len(plan.Requests) == 0 || plan.Connections < 1 {
		return outcome{}, fmt.Errorf("nothing to do")
	}
	turns := &turn{}
	for _, one := range plan.Requests {
		turns.wires = append(turns.wires, one.wire(plan.Address))
		turns.methods = append(turns.methods, one.Method)
	}

	var workers []func() tally
	if plan.Authority != "" || plan.Fresh {
		workers, err = streamWorkers(plan, turns)
	} else {
		workers, err = eventWorkers(plan, address, turns)
	}
	if err != nil {
		return outcome{}, err
	}
	clock := startStopwatch()
	turns.until = clock.began.Add(time.Duration(plan.Seconds * float64(time.Second)))
	tallies := together(workers)
	return summarise(tallies, clock)
}

// together runs all workers at once and gives what each did.
func together(workers []func() tally) []tally {
	tallies := make([]tally, len(workers))
	var group sync.WaitGroup
	for number, worker := range workers {
		group.Go(func() { tallies[number] = worker() })
	}
	group.Wait()
	return tallies
}
