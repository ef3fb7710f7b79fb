// The interop peer for golang.org/x/net/websocket.
//
// The library has no close codes, hands over every frame as a message, answers pings out of sight
// and hides pongs; what it can do is driven through its documented surface: Message, JSON and Codec.
package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"

	"agent"

	"golang.org/x/net/websocket"
)

type peer struct{}

func main() { agent.Serve(peer{}) }

func (peer) Handler(options agent.Options, accepted func(agent.Link, http.Header)) http.Handler {
	return websocket.Server{
		Handshake: func(config *websocket.Config, request *http.Request) error {
			if options.Refuse != 0 {
				return errors.New("refused")
			}
			origin, err := websocket.Origin(config, request)
			if err != nil {
				return err
			}
			config.Origin = origin
			config.Protocol = choose(options.Protocols, config.Protocol)
			return checkOrigin(options.Origins, request.Header.Get("Origin"))
		},
		Handler: func(conn *websocket.Conn) {
			transport := agent.ConnectionOf(conn.Request().Context())
			accepted(newLink(conn, transport, options), conn.Request().Header)
		},
	}
}

func checkOrigin(allowed []string, origin string) error {
	if allowed == nil {
		return nil
	}
	for _, candidate := range allowed {
		if candidate == origin {
			return nil
		}
	}
	return errors.New("origin not allowed")
}

func choose(supported, offered []string) []string {
	for _, protocol := range offered {
		for _, candidate := range supported {
			if protocol == candidate {
				return []string{protocol}
			}
		}
	}
	return nil
}

func (peer) Dial(options agent.Options) (agent.Link, error) {
	config, err := websocket.NewConfig(options.URL, options.Origin)
	if err != nil {
		return nil, err
	}
	config.Protocol = options.Protocols
	for name, value := range options.Headers {
		config.Header.Set(name, value)
	}
	transport, err := net.Dial("tcp", config.Location.Host)
	if err != nil {
		return nil, err
	}
	conn, err := websocket.NewClient(config, transport)
	if err != nil {
		transport.Close()
		return nil, &agent.Refused{Err: err}
	}
	return newLink(conn, transport, options), nil
}

// Order is the value that travels when the agent uses the library's JSON codec.
type Order struct {
	Name  string            `json:"name"`
	Count int               `json:"count"`
	Price float64           `json:"price"`
	Tags  []string          `json:"tags"`
	Notes map[string]string `json:"notes"`
}

type link struct {
	conn      *websocket.Conn
	transport net.Conn
	json      bool
}

func newLink(conn *websocket.Conn, transport net.Conn, options agent.Options) *link {
	conn.MaxPayloadBytes = int(options.MaxMessageSize)
	return &link{conn: conn, transport: transport, json: options.JSON}
}

func (l *link) Protocol() string {
	if protocols := l.conn.Config().Protocol; len(protocols) == 1 {
		return protocols[0]
	}
	return ""
}

// Extensions is always empty: the library has none.
func (l *link) Extensions() string { return "" }

func (l *link) Send(kind string, data []byte, _ string) error {
	if l.json {
		var order Order
		if err := json.Unmarshal(data, &order); err != nil {
			return err
		}
		return websocket.JSON.Send(l.conn, order)
	}
	if kind == "text" {
		return websocket.Message.Send(l.conn, string(data))
	}
	return websocket.Message.Send(l.conn, data)
}

func (l *link) Fragments(string, [][]byte, []byte) error {
	return errors.New("golang.org/x/net/websocket sends no fragments")
}

var pings = websocket.Codec{
	Marshal: func(value interface{}) ([]byte, byte, error) {
		return value.([]byte), websocket.PingFrame, nil
	},
}

func (l *link) Ping(data []byte) error { return pings.Send(l.conn, data) }

func (l *link) Close(int, string) error { return l.conn.Close() }

func (l *link) Abort() error { return l.transport.Close() }

type message struct {
	kind string
	data []byte
}

// Message's Unmarshal does not tell text from binary, this one does.
var messages = websocket.Codec{
	Unmarshal: func(data []byte, payloadType byte, value interface{}) error {
		kind := "binary"
		if payloadType == websocket.TextFrame {
			kind = "text"
		}
		*value.(*message) = message{kind, data}
		return nil
	},
}

func (l *link) receive() (message, error) {
	if !l.json {
		var next message
		err := messages.Receive(l.conn, &next)
		return next, err
	}
	var order Order
	if err := websocket.JSON.Receive(l.conn, &order); err != nil {
		return message{}, err
	}
	order.Count++
	data, err := json.Marshal(order)
	return message{"text", data}, err
}

func (l *link) Read(events agent.Events) (int, string) {
	// Close sends 1000 whatever the peer said: the library keeps the peer's code to itself.
	defer l.conn.Close()
	for {
		next, err := l.receive()
		if err != nil {
			return 0, err.Error()
		}
		events.Message(next.kind, next.data)
	}
}
