// The interop peer for github.com/gorilla/websocket.
package main

import (
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"time"

	"agent"

	"github.com/gorilla/websocket"
)

// The write buffer decides how many frames a client's message takes; this one makes it one frame.
const singleFrame = 2 << 20

const controlWait = 5 * time.Second

type peer struct{}

func main() { agent.Serve(peer{}) }

func bufferSize(options agent.Options) int {
	if options.FragmentSize > 0 {
		return options.FragmentSize
	}
	return singleFrame
}

func (peer) Handler(options agent.Options, accepted func(agent.Link, http.Header)) http.Handler {
	upgrader := websocket.Upgrader{
		Subprotocols:      options.Protocols,
		WriteBufferSize:   bufferSize(options),
		EnableCompression: options.Deflate != "off",
	}
	if options.Origins != nil {
		upgrader.CheckOrigin = func(request *http.Request) bool {
			for _, origin := range options.Origins {
				if request.Header.Get("Origin") == origin {
					return true
				}
			}
			return false
		}
	}
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if options.Refuse != 0 {
			http.Error(writer, "refused", options.Refuse)
			return
		}
		conn, err := upgrader.Upgrade(writer, request, nil)
		if err != nil {
			return
		}
		accepted(newLink(conn, options), request.Header)
	})
}

func (peer) Dial(options agent.Options) (agent.Link, error) {
	trust, err := agent.Trust(options.Certificate)
	if err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{
		Subprotocols:      options.Protocols,
		WriteBufferSize:   bufferSize(options),
		EnableCompression: options.Deflate != "off",
		HandshakeTimeout:  controlWait,
		TLSClientConfig:   trust,
	}
	header := http.Header{}
	for name, value := range options.Headers {
		header.Set(name, value)
	}
	if options.Origin != "" {
		header.Set("Origin", options.Origin)
	}
	conn, response, err := dialer.Dial(options.URL, header)
	if err != nil {
		refused := &agent.Refused{Err: err}
		if response != nil {
			refused.Status = response.StatusCode
		}
		return nil, refused
	}
	return newLink(conn, options), nil
}

type link struct {
	conn *websocket.Conn
	// The library allows one writer at a time.
	writing sync.Mutex
}

func newLink(conn *websocket.Conn, options agent.Options) *link {
	if options.MaxMessageSize > 0 {
		conn.SetReadLimit(options.MaxMessageSize)
	}
	return &link{conn: conn}
}

func messageType(kind string) int {
	if kind == "text" {
		return websocket.TextMessage
	}
	return websocket.BinaryMessage
}

func (l *link) Protocol() string { return l.conn.Subprotocol() }

// Extensions says what the library agrees on whenever it compresses; a server has no other way to
// tell whether it does.
func (l *link) Extensions() string {
	if reflect.ValueOf(l.conn).Elem().FieldByName("newCompressionWriter").IsNil() {
		return ""
	}
	return "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
}

func (l *link) Send(kind string, data []byte, manner string) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.conn.EnableWriteCompression(manner != "plain")
	if manner != "prepared" {
		return l.conn.WriteMessage(messageType(kind), data)
	}
	prepared, err := websocket.NewPreparedMessage(messageType(kind), data)
	if err != nil {
		return err
	}
	return l.conn.WritePreparedMessage(prepared)
}

func (l *link) Fragments(kind string, parts [][]byte, ping []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	writer, err := l.conn.NextWriter(messageType(kind))
	if err != nil {
		return err
	}
	for index, part := range parts {
		if _, err := writer.Write(part); err != nil {
			return err
		}
		if index == 0 {
			if err := l.Ping(ping); err != nil {
				return err
			}
		}
	}
	return writer.Close()
}

func (l *link) control(kind int, data []byte) error {
	return l.conn.WriteControl(kind, data, time.Now().Add(controlWait))
}

func (l *link) Ping(data []byte) error { return l.control(websocket.PingMessage, data) }

func (l *link) Close(code int, reason string) error {
	if code == 0 {
		code = websocket.CloseNoStatusReceived
	}
	return l.control(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason))
}

func (l *link) Abort() error { return l.conn.UnderlyingConn().Close() }

func (l *link) Read(events agent.Events) (int, string) {
	defer l.conn.Close()
	l.conn.SetPongHandler(func(data string) error {
		events.Pong([]byte(data))
		return nil
	})
	// What the default handler does, and a report.
	l.conn.SetPingHandler(func(data string) error {
		events.Ping([]byte(data))
		return l.control(websocket.PongMessage, []byte(data))
	})
	for {
		kind, data, err := l.conn.ReadMessage()
		if closed, ok := err.(*websocket.CloseError); ok {
			return closed.Code, closed.Text
		}
		if err != nil {
			return websocket.CloseAbnormalClosure, fmt.Sprint(err)
		}
		if kind == websocket.TextMessage {
			events.Message("text", data)
		} else {
			events.Message("binary", data)
		}
	}
}
