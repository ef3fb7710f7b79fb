package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/ioutil"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/hashicorp/yamux"
)

// agent registers at a relay, and serves the streams that it opens.
type agent struct {
	url, name, token string
	cuts             bool
	service          *service

	lock    sync.Mutex
	current *session
}

type streamKey struct{}

func (a *agent) dial() error {
	headers := http.Header{
		"X-Tunnel-Names":   {a.name},
		"X-Tunnel-Agent":   {"go-" + a.name},
		"X-Tunnel-Streams": {"500"},
		"Authorization":    {"Bearer " + a.token},
	}
	dialer := websocket.Dialer{Subprotocols: []string{protocol}}
	conn, response, err := dialer.Dial(a.url, headers)
	if err != nil {
		if response != nil {
			return fmt.Errorf("%v: %s %s", err, response.Status, response.Header.Get("X-Tunnel-Error"))
		}
		return err
	}
	if conn.Subprotocol() != protocol {
		return fmt.Errorf("the subprotocol is %q", conn.Subprotocol())
	}
	mux, err := newSession(conn, true, a.cuts)
	if err != nil {
		return err
	}
	a.lock.Lock()
	a.current = mux
	a.lock.Unlock()
	go a.serve(mux)
	return nil
}

func (a *agent) session() *session {
	a.lock.Lock()
	defer a.lock.Unlock()
	return a.current
}

// accepted hands the streams that are for HTTP to the server, as its listener.
type accepted struct {
	streams chan net.Conn
	mux     *session
}

func (l *accepted) Accept() (net.Conn, error) {
	select {
	case one := <-l.streams:
		return one, nil
	case <-l.mux.CloseChan():
		return nil, io.EOF
	}
}

func (l *accepted) Close() error   { return nil }
func (l *accepted) Addr() net.Addr { return l.mux.Addr() }

func (a *agent) serve(mux *session) {
	listener := &accepted{streams: make(chan net.Conn), mux: mux}
	server := http.Server{
		Handler: a.service,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, streamKey{}, conn)
		},
	}
	go server.Serve(listener)
	for {
		opened, err := mux.AcceptStream()
		if err != nil {
			tell(event{"event": "gone", "reason": err.Error()})
			return
		}
		go func() {
			p, err := readPreamble(opened)
			if err != nil {
				opened.Close()
				return
			}
			if p.Kind == "http" {
				listener.streams <- newStream(opened, mux.wire)
				return
			}
			serveOctets(opened, mux.wire)
		}()
	}
}

// serveOctets does what the first octet says: e to send back what has come until its end, with the
// checksum in front; h to end first and then read; r to break off at the next octet.
func serveOctets(s *yamux.Stream, w *wire) {
	var what [1]byte
	if _, err := io.ReadFull(s, what[:]); err != nil {
		s.Close()
		return
	}
	switch what[0] {
	case 'e':
		// Whatever happens, what is closed without the checksum is noticed.
		if content, err := ioutil.ReadAll(s); err == nil {
			fmt.Fprintf(s, "%x", sha256.Sum256(content))
			s.Write(content)
		}
		s.Close()
	case 'h':
		s.Write([]byte("mine is all"))
		w.inject(newHeader(typeWindowUpdate, flagFin, s.StreamID()))
		// It is not closed in the end, as yamux would send another FIN.
		content, err := ioutil.ReadAll(s)
		sum := fmt.Sprintf("%x", sha256.Sum256(content))
		tell(event{"event": "heard", "complete": err == nil, "sum": sum})
	case 'r':
		s.Write([]byte("no end follows"))
		io.ReadFull(s, what[:])
		w.inject(newHeader(typeWindowUpdate, flagRst, s.StreamID()))
		s.Close()
	}
}
