package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

const maxPreamble = 4096

type preamble struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Caller string `json:"caller,omitempty"`
}

func writePreamble(to io.Writer, p preamble) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	octets := make([]byte, 2, 2+len(text))
	binary.BigEndian.PutUint16(octets, uint16(len(text)))
	_, err = to.Write(append(octets, text...))
	return err
}

func readPreamble(from io.Reader) (preamble, error) {
	var p preamble
	var size [2]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return p, err
	}
	text := make([]byte, binary.BigEndian.Uint16(size[:]))
	if len(text) > maxPreamble {
		return p, errors.New("the preamble is too long")
	}
	if _, err := io.ReadFull(from, text); err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p)
}

type chunk struct {
	octets []byte
	err    error
}

// stream is one of yamux for net/http, which sets a deadline to have a Read return that waits
// already. The yamux of 2019 looks at it only when the next one begins.
type stream struct {
	*yamux.Stream
	wire   *wire
	chunks chan chunk
	rest   chunk

	lock     sync.Mutex
	deadline time.Time
	// Closed when the deadline is another one.
	changed chan struct{}
	closed  chan struct{}
	isEnded bool
	closing sync.Once
}

func newStream(from *yamux.Stream, w *wire) *stream {
	s := &stream{
		Stream:  from,
		wire:    w,
		chunks:  make(chan chunk),
		changed: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	go s.pump()
	return s
}

func (s *stream) pump() {
	for {
		octets := make([]byte, 16<<10)
		n, err := s.Stream.Read(octets)
		select {
		case s.chunks <- chunk{octets[:n], err}:
		case <-s.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

func (s *stream) Read(octets []byte) (int, error) {
	for {
		if len(s.rest.octets) > 0 {
			n := copy(octets, s.rest.octets)
			s.rest.octets = s.rest.octets[n:]
			return n, nil
		}
		if s.rest.err != nil {
			return 0, s.rest.err
		}
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
}

// wait returns when there is a chunk, or the deadline has passed or is another one.
func (s *stream) wait() error {
	s.lock.Lock()
	deadline, changed := s.deadline, s.changed
	s.lock.Unlock()
	var passed <-chan time.Time
	if !deadline.IsZero() {
		left := time.Until(deadline)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		timer := time.NewTimer(left)
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case s.rest = <-s.chunks:
		if s.rest.err == io.EOF {
			s.lock.Lock()
			s.isEnded = true
			s.lock.Unlock()
		}
	case <-changed:
	case <-passed:
		return os.ErrDeadlineExceeded
	case <-s.closed:
		return yamux.ErrStreamClosed
	}
	return nil
}

func (s *stream) SetReadDeadline(t time.Time) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.deadline = t
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *stream) SetDeadline(t time.Time) error {
	if err := s.SetReadDeadline(t); err != nil {
		return err
	}
	return s.SetWriteDeadline(t)
}

func (s *stream) Close() error {
	s.closing.Do(func() { close(s.closed) })
	return s.Stream.Close()
}

// reset breaks the stream off, for which yamux has no call.
func (s *stream) reset() error {
	if err := s.wire.inject(newHeader(typeWindowUpdate, flagRst, s.StreamID())); err != nil {
		return err
	}
	return s.Close()
}

// endWriting says that nothing follows. After Close, yamux would not let the stream be read.
func (s *stream) endWriting() error {
	return s.wire.inject(newHeader(typeWindowUpdate, flagFin, s.StreamID()))
}

// hasEnded is whether the other side has, in peace.
func (s *stream) hasEnded() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.isEnded
}
