package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

var errNoAgent = errors.New("no agent")

// relay takes agents, and passes on what callers ask: the host's first label is the name.
type relay struct {
	cuts  bool
	proxy httputil.ReverseProxy

	lock sync.Mutex
	// Of each name, those that came last come last.
	sessions map[string][]*session
}

func newRelay(cuts bool) *relay {
	r := &relay{cuts: cuts, sessions: map[string][]*session{}}
	r.proxy = httputil.ReverseProxy{
		Director:      direct,
		FlushInterval: -1,
		Transport: &http.Transport{
			DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
				name, _, _ := strings.Cut(address, ":")
				return r.dial(name)
			},
			ExpectContinueTimeout: 5 * time.Second,
			DisableCompression:    true,
			MaxIdleConnsPerHost:   64,
			// An agent that leaves waits for streams that wait for a request.
			IdleConnTimeout: 500 * time.Millisecond,
		},
	}
	return r
}

// session that has come last, of those that take streams if there is one.
func (r *relay) session(name string) *session {
	r.lock.Lock()
	defer r.lock.Unlock()
	all := r.sessions[name]
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].isDraining() {
			return all[i]
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

func (r *relay) dial(name string) (net.Conn, error) {
	mux := r.session(name)
	if mux == nil || mux.isDraining() {
		return nil, errNoAgent
	}
	opened, err := mux.open(preamble{Kind: "http", Name: name})
	if err != nil {
		return nil, err
	}
	return &upstream{newStream(opened, mux.wire)}, nil
}

// upstream breaks off what is closed before its end, as the relay of the library does.
type upstream struct{ *stream }

func (u *upstream) Close() error {
	if u.hasEnded() {
		return u.stream.Close()
	}
	return u.reset()
}

type original struct{}

func direct(out *http.Request) {
	in := out.Context().Value(original{}).(*http.Request)
	out.URL.Scheme = "http"
	out.URL.Host, _, _ = strings.Cut(in.Host, ".")
	if out.Body != nil && out.Body != http.NoBody {
		out.Body = &withTrailers{out.Body, in, out}
	}
}

// withTrailers has those of the caller sent on, which come when out has been made already.
type withTrailers struct {
	io.ReadCloser
	in, out *http.Request
}

func (b *withTrailers) Read(octets []byte) (int, error) {
	n, err := b.ReadCloser.Read(octets)
	if err == io.EOF {
		for name, values := range b.in.Trailer {
			b.out.Trailer[name] = values
		}
	}
	return n, err
}

func (r *relay) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	if in.URL.Path == "/register" && websocket.IsWebSocketUpgrade(in) {
		r.register(w, in)
		return
	}
	r.proxy.ServeHTTP(w, in.WithContext(context.WithValue(in.Context(), original{}, in)))
}

func (r *relay) register(w http.ResponseWriter, in *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{protocol}}
	conn, err := upgrader.Upgrade(w, in, http.Header{"X-Tunnel-Urls": {"http://" + in.Host + "/"}})
	if err != nil {
		return
	}
	mux, err := newSession(conn, false, r.cuts)
	if err != nil {
		conn.Close()
		return
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	for _, name := range strings.Split(in.Header.Get("X-Tunnel-Names"), ", ") {
		r.sessions[name] = append(r.sessions[name], mux)
	}
}
