package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/ioutil"
	"math/rand"
	"sync"
)

// sizes around which frames, messages and windows end.
var edges = []int{0, 1, 12, 1 << 12, 16 << 10, 64 << 10, 128 << 10, 256 << 10}

func randomSize(from *rand.Rand) int {
	switch from.Intn(4) {
	case 0:
		return from.Intn(300 << 10)
	case 1:
		size := edges[from.Intn(len(edges))] + from.Intn(5) - 2
		if size > 0 {
			return size
		}
		return 0
	default:
		return from.Intn(8 << 10)
	}
}

// echoes opens streams to an agent, a few at a time, sends octets of any number in pieces of any
// size, and compares what comes back until the end. It returns what was wrong.
func echoes(mux *session, count, atOnce int, seed int64) []string {
	var wrong []string
	var lock sync.Mutex
	var group sync.WaitGroup
	numbers := make(chan int)
	for i := 0; i < atOnce; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := range numbers {
				if err := echoOnce(mux, rand.New(rand.NewSource(seed+int64(number)))); err != nil {
					lock.Lock()
					wrong = append(wrong, fmt.Sprintf("%d: %v", number, err))
					lock.Unlock()
				}
			}
		}()
	}
	for number := 0; number < count; number++ {
		numbers <- number
	}
	close(numbers)
	group.Wait()
	return wrong
}

// echoOnce reads from yamux itself, without the goroutine that net/http needs in between: what is
// asked is whether its reader can take an end for too early.
func echoOnce(mux *session, from *rand.Rand) error {
	content := make([]byte, randomSize(from))
	from.Read(content)
	opened, err := mux.open(preamble{Kind: "tcp", Name: "octets"})
	if err != nil {
		return err
	}
	// The size first: yamux could not be read any more after an end of ours.
	message := make([]byte, 4, 4+len(content))
	binary.BigEndian.PutUint32(message, uint32(len(content)))
	message = append(message, content...)
	sent := make(chan error, 1)
	go func() { sent <- writeInPieces(opened, message, from) }()
	back, err := ioutil.ReadAll(opened)
	if err != nil {
		opened.Close()
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	opened.Close()
	if bytes.Equal(back, content) {
		return nil
	}
	at := 0
	for at < len(back) && at < len(content) && back[at] == content[at] {
		at++
	}
	return fmt.Errorf("%d octets sent, %d came back, and differ from %d on (%x, %x)", len(content),
		len(back), at, sha256.Sum256(content), sha256.Sum256(back))
}

func writeInPieces(to io.Writer, octets []byte, from *rand.Rand) error {
	most := 1 << uint(from.Intn(18))
	if len(octets)/most > 64 {
		most = len(octets) / 64
	}
	for len(octets) > 0 {
		n := 1 + from.Intn(most)
		if n > len(octets) {
			n = len(octets)
		}
		if _, err := to.Write(octets[:n]); err != nil {
			return err
		}
		octets = octets[n:]
	}
	return nil
}
