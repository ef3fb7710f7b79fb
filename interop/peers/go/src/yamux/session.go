package main

import (
	"os"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hashicorp/yamux"
)

const protocol = "framewire.mux.v1"

// session is yamux over a WebSocket: its client is who has dialled.
type session struct {
	*yamux.Session
	wire *wire
}

func newSession(conn *websocket.Conn, isClient, cuts bool) (*session, error) {
	w := newWire(conn, cuts)
	config := yamux.DefaultConfig()
	config.EnableKeepAlive = false
	// The machine may be busy; what times out here breaks octets that are still to be sent.
	config.ConnectionWriteTimeout = 30 * time.Second
	config.LogOutput = os.Stderr
	over := &counted{wire: w}
	over.in.tell = w.count
	open := yamux.Server
	if isClient {
		open = yamux.Client
	}
	mux, err := open(over, config)
	if err != nil {
		return nil, err
	}
	return &session{mux, w}, nil
}

func (s *session) open(p preamble) (*yamux.Stream, error) {
	opened, err := s.OpenStream()
	if err != nil {
		return nil, err
	}
	return opened, writePreamble(opened, p)
}

func (s *session) isDraining() bool {
	select {
	case <-s.wire.goneAway:
		return true
	default:
		return s.IsClosed()
	}
}
