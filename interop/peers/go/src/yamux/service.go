package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/ioutil"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// service is what the scenarios ask; interop/src/tunnel/our-service.ts is the same in Node.
type service struct {
	lock   sync.Mutex
	things map[string]*thing
	many   map[string]*crowd
}

// thing is a request that others ask about.
type thing struct {
	arrived, released, over chan struct{}
	written                 int64
	outcome                 string
	once                    [3]sync.Once
}

// crowd is let go when all of it are there.
type crowd struct {
	left int
	all  chan struct{}
}

func newService() *service {
	return &service{things: map[string]*thing{}, many: map[string]*crowd{}}
}

func (s *service) thing(id string) *thing {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.things[id] == nil {
		s.things[id] = &thing{
			arrived:  make(chan struct{}),
			released: make(chan struct{}),
			over:     make(chan struct{}),
		}
	}
	return s.things[id]
}

func (t *thing) arrive()  { t.once[0].Do(func() { close(t.arrived) }) }
func (t *thing) release() { t.once[1].Do(func() { close(t.released) }) }

func (t *thing) end(outcome string) {
	t.once[2].Do(func() {
		t.outcome = outcome
		close(t.over)
	})
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	size, _ := strconv.Atoi(query.Get("size"))
	one := s.thing(query.Get("id"))
	switch r.URL.Path {
	case "/hello":
		io.WriteString(w, "hello\n")
	case "/echo":
		echo(w, r)
	case "/sum":
		sum(w, r)
	case "/bytes":
		w.Header().Set("Content-Length", strconv.Itoa(size))
		io.Copy(w, newOctets(size, uint32(size+1)))
	case "/status":
		code, _ := strconv.Atoi(query.Get("code"))
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(code)
	case "/trailers":
		trailers(w, r)
	case "/refuse":
		// Whoever waits for 100 gets this, and sends nothing.
		w.Header().Set("Connection", "close")
		http.Error(w, "no", http.StatusExpectationFailed)
	case "/early":
		w.Header().Set("Connection", "close")
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	case "/crowd":
		s.crowd(query.Get("id"), size)
		io.WriteString(w, "all are here")
	case "/hold":
		one.arrive()
		select {
		case <-one.released:
			io.WriteString(w, "released")
			one.end("done")
		case <-r.Context().Done():
			one.end("aborted")
		}
	case "/gated":
		one.arrive()
		<-one.released
		sum(w, r)
	case "/watch":
		one.arrive()
		_, err := io.Copy(ioutil.Discard, r.Body)
		one.end(outcomeOf(err))
	case "/pour":
		pour(w, one, size)
	case "/cut":
		cut(w, r, size)
	case "/ws":
		echoMessages(w, r)
	default:
		s.answerAbout(w, r, one)
	}
}

// answerAbout what becomes of another request.
func (s *service) answerAbout(w http.ResponseWriter, r *http.Request, one *thing) {
	switch r.URL.Path {
	case "/release":
		one.release()
	case "/arrived":
		await(r, one.arrived)
	case "/outcome":
		await(r, one.over)
		io.WriteString(w, one.outcome)
	case "/written":
		fmt.Fprint(w, atomic.LoadInt64(&one.written))
	default:
		http.NotFound(w, r)
	}
}

func await(r *http.Request, what chan struct{}) {
	select {
	case <-what:
	case <-r.Context().Done():
	}
}

func outcomeOf(err error) string {
	if err != nil {
		return "aborted"
	}
	return "done"
}

// echo reads all of it first: a server of net/http reads no more once it has begun to answer.
func echo(w http.ResponseWriter, r *http.Request) {
	content, err := ioutil.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Trailer", "X-Sum")
	w.Write(content)
	w.Header().Set("X-Sum", fmt.Sprintf("%x", sha256.Sum256(content)))
}

func sum(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	n, err := io.Copy(hash, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, "%d %x", n, hash.Sum(nil))
}

func trailers(w http.ResponseWriter, r *http.Request) {
	io.Copy(ioutil.Discard, r.Body)
	for name := range r.Trailer {
		w.Header().Add("Trailer", name)
	}
	io.WriteString(w, "trailers follow")
	for name, values := range r.Trailer {
		for _, value := range values {
			w.Header().Add(name, value)
		}
	}
}

func (s *service) crowd(id string, size int) {
	s.lock.Lock()
	if s.many[id] == nil {
		s.many[id] = &crowd{size, make(chan struct{})}
	}
	one := s.many[id]
	one.left--
	if one.left == 0 {
		close(one.all)
	}
	s.lock.Unlock()
	<-one.all
}

func pour(w http.ResponseWriter, one *thing, size int) {
	one.arrive()
	w.Header().Set("Content-Length", strconv.Itoa(size))
	octets := make([]byte, 16<<10)
	for left := size; left > 0; left -= len(octets) {
		n, err := w.Write(octets)
		atomic.AddInt64(&one.written, int64(n))
		if err != nil {
			one.end("aborted")
			return
		}
	}
	one.end("done")
}

// cut breaks off in the middle: by FIN, as net/http does by itself, or by RST.
func cut(w http.ResponseWriter, r *http.Request, size int) {
	w.Write(make([]byte, size))
	w.(http.Flusher).Flush()
	if r.URL.Query().Get("manner") == "rst" {
		r.Context().Value(streamKey{}).(*stream).reset()
	}
	panic(http.ErrAbortHandler)
}

func echoMessages(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{"chat"}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}

// newOctets are those of pseudoRandomOctets in interop/src/contents.ts.
type pseudoRandom struct {
	state uint32
	left  int
}

func newOctets(size int, seed uint32) io.Reader { return &pseudoRandom{seed, size} }

func (p *pseudoRandom) Read(octets []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	if len(octets) > p.left {
		octets = octets[:p.left]
	}
	for i := range octets {
		p.state ^= p.state << 13
		p.state ^= p.state >> 17
		p.state ^= p.state << 5
		octets[i] = byte(p.state)
	}
	p.left -= len(octets)
	return len(octets), nil
}
