// gorilla/websocket, asked by the runner as the Node servers are: JSON lines over the channel that
// Node's fork gives its child, one request and one answer with the same id each (see rpc.ts).
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/gorilla/websocket"
)

type request struct {
	ID       int      `json:"id"`
	Name     string   `json:"name"`
	Argument settings `json:"argument"`
}

type settings struct {
	Task    string      `json:"task"`
	Style   string      `json:"style"`
	Deflate interface{} `json:"deflate"`
}

type answer struct {
	ID     int         `json:"id"`
	Result interface{} `json:"result,omitempty"`
	Error  string      `json:"error,omitempty"`
}

type usage struct {
	User   int64 `json:"user"`
	System int64 `json:"system"`
}

type memory struct {
	RSS      uint64 `json:"rss"`
	HeapUsed uint64 `json:"heapUsed"`
	External uint64 `json:"external"`
}

func main() {
	fd, err := strconv.Atoi(os.Getenv("NODE_CHANNEL_FD"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "the benchmark's runner starts this")
		os.Exit(2)
	}
	channel := os.NewFile(uintptr(fd), "channel")
	lines := bufio.NewScanner(channel)
	// It ends with the runner, however that ends.
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		reply := answer{ID: asked.ID}
		if result, err := respond(asked); err != nil {
			reply.Error = err.Error()
		} else {
			reply.Result = result
		}
		if err := json.NewEncoder(channel).Encode(reply); err != nil {
			os.Exit(1)
		}
	}
}

func respond(asked request) (interface{}, error) {
	switch asked.Name {
	case "start":
		return start(asked.Argument)
	case "usage":
		return readUsage()
	case "memory":
		return readMemory()
	}
	return nil, fmt.Errorf("no operation %s", asked.Name)
}

// start serves on a port of 127.0.0.1. Buffers have their default sizes; Go sets TCP_NODELAY itself.
func start(given settings) (int, error) {
	if given.Style != "" {
		return 0, fmt.Errorf("this server has no style %q", given.Style)
	}
	if given.Deflate != nil {
		return 0, errors.New("this server does not compress")
	}
	serve := echo
	if given.Task == "broadcast" {
		serve = newHub().serve
	}
	upgrader := websocket.Upgrader{}
	handler := func(response http.ResponseWriter, request *http.Request) {
		connection, err := upgrader.Upgrade(response, request, nil)
		if err != nil {
			return
		}
		defer connection.Close()
		serve(connection)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	go http.Serve(listener, http.HandlerFunc(handler))
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func echo(connection *websocket.Conn) {
	for {
		kind, data, err := connection.ReadMessage()
		if err != nil || connection.WriteMessage(kind, data) != nil {
			return
		}
	}
}

// hub writes from the goroutine that reads, which is the cheapest way where only one connection sends:
// a goroutine and a channel for each receiver would cost more.
type hub struct {
	mutex       sync.Mutex
	connections map[*websocket.Conn]struct{}
}

func newHub() *hub {
	return &hub{connections: map[*websocket.Conn]struct{}{}}
}

func (hub *hub) serve(connection *websocket.Conn) {
	hub.mutex.Lock()
	hub.connections[connection] = struct{}{}
	hub.mutex.Unlock()
	defer func() {
		hub.mutex.Lock()
		delete(hub.connections, connection)
		hub.mutex.Unlock()
	}()
	for {
		kind, data, err := connection.ReadMessage()
		if err != nil || hub.broadcast(connection, kind, data) != nil {
			return
		}
	}
}

func (hub *hub) broadcast(sender *websocket.Conn, kind int, data []byte) error {
	message, err := websocket.NewPreparedMessage(kind, data)
	if err != nil {
		return err
	}
	hub.mutex.Lock()
	defer hub.mutex.Unlock()
	for connection := range hub.connections {
		if connection != sender {
			// A receiver that fails ends in its own goroutine.
			_ = connection.WritePreparedMessage(message)
		}
	}
	return nil
}

// readUsage has all threads in it, in microseconds, as Node's process.cpuUsage.
func readUsage() (usage, error) {
	var spent syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &spent); err != nil {
		return usage{}, err
	}
	return usage{User: micros(spent.Utime), System: micros(spent.Stime)}, nil
}

func micros(time syscall.Timeval) int64 {
	return int64(time.Sec)*1_000_000 + int64(time.Usec)
}

// readMemory counts stacks as what is outside of the heap.
func readMemory() (memory, error) {
	// Collects, and gives back to the system what can be given back.
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return memory{}, err
	}
	fields := strings.Fields(string(statm))
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return memory{}, err
	}
	rss := pages * uint64(os.Getpagesize())
	return memory{RSS: rss, HeapUsed: stats.HeapAlloc, External: stats.StackInuse}, nil
}
