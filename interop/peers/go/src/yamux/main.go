// The interop peer for github.com/hashicorp/yamux with net/http: an agent of the tunnel's relay, or
// a relay for its agents. It prints a line of JSON for what happens, and does what it is asked at
// the port that its first line names.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// A run that has lost its parent ends all the same.
const lifetime = 10 * time.Minute

type event map[string]interface{}

var telling sync.Mutex

func tell(what event) {
	line, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	telling.Lock()
	defer telling.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	return listener
}

func portOf(listener net.Listener) int { return listener.Addr().(*net.TCPAddr).Port }

func main() {
	role := flag.String("role", "agent", "agent or relay")
	url := flag.String("url", "", "where the agent registers")
	name := flag.String("name", "go", "what the agent serves")
	token := flag.String("token", "", "what the agent shows")
	cuts := flag.Bool("cuts", false, "messages of any size, whatever the frames are")
	flag.Parse()
	time.AfterFunc(lifetime, func() { fail(fmt.Errorf("%v are over", lifetime)) })
	control := listen()
	ready := event{"event": "ready", "control": portOf(control)}
	var orders http.Handler
	if *role == "relay" {
		r := newRelay(*cuts)
		front := listen()
		ready["port"] = portOf(front)
		go http.Serve(front, r)
		orders = &orderly{session: r.session}
	} else {
		a := &agent{url: *url, name: *name, token: *token, cuts: *cuts, service: newService()}
		if err := a.dial(); err != nil {
			fail(err)
		}
		orders = &orderly{session: func(string) *session { return a.session() }, dial: a.dial}
	}
	tell(ready)
	fail(http.Serve(control, orders))
}

// orderly does what the scenarios want of yamux itself; the query names the session.
type orderly struct {
	session func(name string) *session
	dial    func() error
}

func (o *orderly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := o.perform(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (o *orderly) perform(w io.Writer, r *http.Request) error {
	query := r.URL.Query()
	if r.URL.Path == "/dial" {
		return o.dial()
	}
	mux := o.session(query.Get("name"))
	if mux == nil {
		return errNoAgent
	}
	number := func(name string) int {
		value, _ := strconv.Atoi(query.Get(name))
		return value
	}
	switch r.URL.Path {
	case "/go-away":
		return mux.GoAway()
	case "/heard-go-away":
		<-mux.wire.goneAway
	case "/ping":
		took, err := mux.Ping()
		fmt.Fprint(w, took.Microseconds())
		return err
	case "/counts":
		pings, resets := mux.wire.counts()
		return json.NewEncoder(w).Encode(event{
			"pings": pings, "resets": resets, "streams": mux.NumStreams(),
		})
	case "/echoes":
		wrong := echoes(mux, number("count"), number("at-once"), int64(number("seed")))
		return json.NewEncoder(w).Encode(append([]string{}, wrong...))
	default:
		return fmt.Errorf("no order %q", r.URL.Path)
	}
	return nil
}
