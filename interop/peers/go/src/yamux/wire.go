package main

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// A relay takes messages of 128 KiB; yamux writes frames of up to 256 KiB.
const maxMessage = 64 << 10

const headerSize = 12

// Types and flags of frames, as the specification of yamux numbers them.
const (
	typeData         = 0
	typeWindowUpdate = 1
	typePing         = 2
	typeGoAway       = 3

	flagSyn = 1
	flagFin = 4
	flagRst = 8
)

type header [headerSize]byte

func newHeader(kind byte, flags uint16, stream uint32) header {
	var h header
	h[1] = kind
	binary.BigEndian.PutUint16(h[2:], flags)
	binary.BigEndian.PutUint32(h[4:], stream)
	return h
}

func (h header) kind() byte     { return h[1] }
func (h header) flags() uint16  { return binary.BigEndian.Uint16(h[2:]) }
func (h header) stream() uint32 { return binary.BigEndian.Uint32(h[4:]) }
func (h header) length() uint32 { return binary.BigEndian.Uint32(h[8:]) }

// scanner finds the headers in octets of yamux that pass in any slicing.
type scanner struct {
	head    header
	have    int
	payload uint32
	tell    func(header)
}

func (s *scanner) push(octets []byte) {
	for len(octets) > 0 {
		if s.payload > 0 {
			n := uint32(len(octets))
			if n > s.payload {
				n = s.payload
			}
			s.payload -= n
			octets = octets[n:]
			continue
		}
		n := copy(s.head[s.have:], octets)
		s.have += n
		octets = octets[n:]
		if s.have < headerSize {
			return
		}
		s.have = 0
		if s.head.kind() == typeData {
			s.payload = s.head.length()
		}
		s.tell(s.head)
	}
}

func (s *scanner) atBoundary() bool { return s.have == 0 && s.payload == 0 }

// wire is a WebSocket as the net.Conn that yamux wants. It counts frames, and sends some that
// yamux has no call for.
type wire struct {
	*websocket.Conn
	message io.Reader

	writing sync.Mutex
	out     scanner
	// Frames that wait for the one that is being written.
	waiting []header
	// Messages of any size, whatever the frames are.
	cuts *rand.Rand

	counting sync.Mutex
	// Pings that have come, streams that were reset.
	Pings, Resets int
	// Closed when the other side says GOAWAY.
	goneAway chan struct{}
}

func newWire(conn *websocket.Conn, cuts bool) *wire {
	w := &wire{Conn: conn, goneAway: make(chan struct{})}
	w.out.tell = func(header) {}
	if cuts {
		w.cuts = rand.New(rand.NewSource(time.Now().UnixNano()))
	}
	return w
}

func (w *wire) count(in header) {
	w.counting.Lock()
	defer w.counting.Unlock()
	switch {
	case in.kind() == typePing && in.flags() == flagSyn:
		w.Pings++
	case in.kind() == typeGoAway:
		select {
		case <-w.goneAway:
		default:
			close(w.goneAway)
		}
	case in.flags()&flagRst != 0:
		w.Resets++
	}
}

func (w *wire) counts() (pings, resets int) {
	w.counting.Lock()
	defer w.counting.Unlock()
	return w.Pings, w.Resets
}

// counted is the wire together with the scanner of what comes, which only the reader uses.
type counted struct {
	*wire
	in scanner
}

func (c *counted) Read(octets []byte) (int, error) {
	for {
		if c.message == nil {
			kind, message, err := c.NextReader()
			if err != nil {
				var closed *websocket.CloseError
				if errors.As(err, &closed) {
					return 0, io.EOF
				}
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, errors.New("a message that is not binary")
			}
			c.message = message
		}
		n, err := c.message.Read(octets)
		if err == io.EOF {
			c.message = nil
			err = nil
		}
		if n > 0 || err != nil {
			c.in.push(octets[:n])
			return n, err
		}
	}
}

func (w *wire) Write(octets []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	written := 0
	for written < len(octets) {
		end := written + w.messageSize()
		if end > len(octets) {
			end = len(octets)
		}
		if err := w.WriteMessage(websocket.BinaryMessage, octets[written:end]); err != nil {
			return written, err
		}
		written = end
	}
	w.out.push(octets)
	return written, w.sendWaiting()
}

func (w *wire) messageSize() int {
	if w.cuts == nil {
		return maxMessage
	}
	return 1 + w.cuts.Intn(4096)
}

// inject sends a frame between two of yamux.
func (w *wire) inject(frame header) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.waiting = append(w.waiting, frame)
	return w.sendWaiting()
}

func (w *wire) sendWaiting() error {
	if !w.out.atBoundary() {
		return nil
	}
	for _, frame := range w.waiting {
		if err := w.WriteMessage(websocket.BinaryMessage, frame[:]); err != nil {
			return err
		}
	}
	w.waiting = nil
	return nil
}

func (w *wire) SetDeadline(t time.Time) error {
	if err := w.SetReadDeadline(t); err != nil {
		return err
	}
	return w.SetWriteDeadline(t)
}

var _ net.Conn = (*counted)(nil)
