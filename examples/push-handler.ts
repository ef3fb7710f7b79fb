/**
 * A chat room with a handler: one object whose methods are called for all connections, and
 * `broadcast`, which encodes a message once for everybody.
 *
 * Pull (`for await`) is right where a connection has a story of its own and should be held back
 * while it is served; push is right where messages are handed on at once, and costs less per
 * connection.
 *
 * In Go: gorilla's chat example, whose hub is a goroutine with channels `register`, `unregister`
 * and `broadcast`. JavaScript runs one callback at a time, so the server's own set of connections
 * is enough.
 *
 *     node examples/.build/push-handler.js [port]       connect to ws://127.0.0.1:8080/?name=Ada
 */
import { WebSocketServer, type ConnectionHandler } from 'framewire';

/** What `authorize` gives to each connection as its `context`. */
interface Guest {
  readonly name: string;
}

export async function start(port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const room: ConnectionHandler<Guest> = {
    open(connection) {
      void connection.send(`Welcome, ${connection.context.name}. ${server.connections.size} here.`);
      server.broadcast(`${connection.context.name} has come.`, { except: connection });
    },
    message(connection, message) {
      // What is thrown here closes this connection with 1011 and touches no other.
      if (typeof message !== 'string') {
        void connection.close(1003, 'text only');
        return;
      }
      server.broadcast(`${connection.context.name}: ${message}`, { except: connection });
    },
    closed(connection, { code }) {
      server.broadcast(`${connection.context.name} has left (${code}).`);
    },
  };

  const server = new WebSocketServer<Guest>({
    handler: room,
    maxMessageSize: 4096,
    // A guest who does not read may have this many octets waiting; then the guest has to go.
    maxBufferedAmount: 256 * 1024,
    authorize(request) {
      const name = request.query.get('name') ?? '';
      if (!/^\w{1,20}$/.test(name)) {
        return { accept: false, status: 400, body: 'a name is needed: ?name=…\n' };
      }
      return { accept: true, context: { name } };
    },
  });

  const { url } = await server.listen({ port, host: '127.0.0.1' });
  return { url, close: () => server.close({ reason: 'the room closes' }) };
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.argv[2] ?? 8080));
  console.log(`The room is at ${url}?name=…`);
}
