// Package agent lets the interop suite drive a Go WebSocket library over stdin and stdout.
//
// Requests and reports are JSON objects, one per line; interop/src/wire.ts describes them.
// The library itself is behind Peer and Link, so that each one needs only its own calls.
package agent

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
)

// Options are those of a listener and of a dialled connection together.
type Options struct {
	URL            string            `json:"url"`
	Echo           bool              `json:"echo"`
	Protocols      []string          `json:"protocols"`
	Headers        map[string]string `json:"headers"`
	Origin         string            `json:"origin"`
	Origins        []string          `json:"origins"`
	Refuse         int               `json:"refuse"`
	MaxMessageSize int64             `json:"maxMessageSize"`
	FragmentSize   int               `json:"fragmentSize"`
	Certificate    string            `json:"certificate"`
	Key            string            `json:"key"`
	JSON           bool              `json:"json"`
	// Deflate is "off", or something else where the library has nothing to choose.
	Deflate interface{} `json:"deflate"`
}

// Request is one line of stdin.
type Request struct {
	ID      int      `json:"id"`
	Op      string   `json:"op"`
	Options Options  `json:"options"`
	Link    int      `json:"link"`
	Port    int      `json:"port"`
	Type    string   `json:"type"`
	Manner  string   `json:"manner"`
	Data    []byte   `json:"data"`
	Parts   [][]byte `json:"parts"`
	Code    int      `json:"code"`
	Reason  string   `json:"reason"`
}

// Refused says how a server answered the opening handshake when it was not 101.
type Refused struct {
	Status int
	Err    error
}

func (r *Refused) Error() string { return r.Err.Error() }

// Link is one open connection of the library under test.
type Link interface {
	Protocol() string
	// Extensions is what was agreed on, as a Sec-WebSocket-Extensions.
	Extensions() string
	// Send has a manner where the scenario chooses one: plain, compressed or prepared.
	Send(kind string, data []byte, manner string) error
	Fragments(kind string, parts [][]byte, ping []byte) error
	Ping(data []byte) error
	Close(code int, reason string) error
	Abort() error
	// Read delivers messages until the connection ends and says how it ended.
	Read(events Events) (code int, reason string)
}

// Events is where a Link reports what arrives.
type Events struct {
	Message func(kind string, data []byte)
	Ping    func(data []byte)
	Pong    func(data []byte)
}

// Peer is the library under test.
type Peer interface {
	// Handler upgrades requests and calls accepted, which returns when the connection has ended.
	Handler(options Options, accepted func(Link, http.Header)) http.Handler
	Dial(options Options) (Link, error)
}

type object = map[string]interface{}

type server struct {
	listener net.Listener
	http     *http.Server
	links    map[int]bool
}

type agent struct {
	peer    Peer
	out     sync.Mutex
	state   sync.Mutex
	links   map[int]Link
	servers map[int]*server
	last    int
}

// Serve answers the requests of stdin until it ends.
func Serve(peer Peer) {
	a := &agent{peer: peer, links: map[int]Link{}, servers: map[int]*server{}}
	input := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<16))
	for {
		var request Request
		if err := input.Decode(&request); err == io.EOF {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "agent:", err)
			os.Exit(2)
		}
		reply, err := a.perform(request)
		if reply == nil {
			reply = object{}
		}
		reply["id"] = request.ID
		if err != nil {
			reply["error"] = err.Error()
			if refused, ok := err.(*Refused); ok {
				reply["status"] = refused.Status
			}
		}
		a.emit(reply)
	}
}

func (a *agent) emit(value object) {
	line, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	a.out.Lock()
	defer a.out.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func (a *agent) perform(request Request) (object, error) {
	switch request.Op {
	case "listen":
		return a.listen(request.Options)
	case "dial":
		return a.dial(request.Options)
	case "shutdown":
		return nil, a.shutdown(request.Port)
	}
	a.state.Lock()
	link := a.links[request.Link]
	a.state.Unlock()
	if link == nil {
		return nil, fmt.Errorf("no link %d", request.Link)
	}
	switch request.Op {
	case "send":
		return nil, link.Send(request.Type, request.Data, request.Manner)
	case "fragments":
		return nil, link.Fragments(request.Type, request.Parts, request.Data)
	case "ping":
		return nil, link.Ping(request.Data)
	case "close":
		return nil, link.Close(request.Code, request.Reason)
	case "abort":
		return nil, link.Abort()
	}
	return nil, fmt.Errorf("unknown op %q", request.Op)
}

func (a *agent) add(link Link) int {
	a.state.Lock()
	defer a.state.Unlock()
	a.last++
	a.links[a.last] = link
	return a.last
}

func (a *agent) read(id int, link Link, echo bool) {
	code, reason := link.Read(Events{
		Message: func(kind string, data []byte) {
			if !echo {
				a.emit(object{"event": "message", "link": id, "type": kind, "data": data})
				return
			}
			if err := link.Send(kind, data, ""); err != nil {
				fmt.Fprintln(os.Stderr, "agent: echo:", err)
			}
		},
		Ping: func(data []byte) { a.emit(object{"event": "ping", "link": id, "data": data}) },
		Pong: func(data []byte) { a.emit(object{"event": "pong", "link": id, "data": data}) },
	})
	a.emit(object{"event": "closed", "link": id, "code": code, "reason": reason})
}

func (a *agent) dial(options Options) (object, error) {
	link, err := a.peer.Dial(options)
	if err != nil {
		return nil, err
	}
	id := a.add(link)
	go a.read(id, link, options.Echo)
	return object{
		"link": id, "protocol": link.Protocol(), "extensions": link.Extensions(),
	}, nil
}

func (a *agent) listen(options Options) (object, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	entry := &server{listener: listener, links: map[int]bool{}}
	entry.http = &http.Server{Handler: a.peer.Handler(options, func(link Link, header http.Header) {
		id := a.add(link)
		a.state.Lock()
		entry.links[id] = true
		a.state.Unlock()
		a.emit(object{
			"event": "accepted", "port": port, "link": id,
			"protocol": link.Protocol(), "extensions": link.Extensions(),
			"headers": flatten(header),
		})
		a.read(id, link, options.Echo)
		a.state.Lock()
		delete(entry.links, id)
		a.state.Unlock()
	})}
	entry.http.ConnContext = WithConnection
	a.state.Lock()
	a.servers[port] = entry
	a.state.Unlock()
	if options.Certificate == "" {
		go entry.http.Serve(listener)
	} else {
		go entry.http.ServeTLS(listener, options.Certificate, options.Key)
	}
	return object{"port": port}, nil
}

// shutdown does what a Go program does by itself: it tells every client 1001 and stops listening.
func (a *agent) shutdown(port int) error {
	a.state.Lock()
	entry := a.servers[port]
	delete(a.servers, port)
	var open []Link
	if entry != nil {
		for id := range entry.links {
			open = append(open, a.links[id])
		}
	}
	a.state.Unlock()
	if entry == nil {
		return fmt.Errorf("no listener at %d", port)
	}
	for _, link := range open {
		link.Close(1001, "")
	}
	return entry.http.Close()
}

func flatten(header http.Header) map[string]string {
	result := map[string]string{}
	for name, values := range header {
		result[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return result
}
