/**
 * A connection as the streams other code expects: `toDuplex` gives a Node.js stream of octets,
 * `toWebStreams` a readable and a writable Web Stream of messages. Both hold back the faster side.
 *
 * The server carries whatever is sent to /tcp to a TCP port and back, as a bridge into a network
 * does; at /upper it answers with upper case, through a TransformStream.
 *
 * In Go: x/net's `websocket.Conn` is an `io.ReadWriteCloser`, so `io.Copy(tcp, ws)` in one
 * goroutine and `io.Copy(ws, tcp)` in another make the bridge.
 *
 *     node examples/.build/piping.js
 */
import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { TransformStream } from 'node:stream/web';
import { connect, WebSocketServer, type Connection, type Message } from 'framewire';

type Print = (line: string) => void;

/** Octets: each chunk that is written becomes a binary message, and messages become chunks. */
async function bridge(connection: Connection, tcpPort: number): Promise<void> {
  const websocket = connection.toDuplex();
  // When either side ends, `pipeline` ends the other; when either fails, it destroys the other.
  await pipeline(websocket, connectTcp(tcpPort, '127.0.0.1'), websocket);
}

/** Messages: they keep their type and their borders. */
async function toUpperCase(connection: Connection): Promise<void> {
  const { readable, writable } = connection.toWebStreams();
  const upperCase = new TransformStream<Message, Message>({
    transform: (message, controller) => controller.enqueue(String(message).toUpperCase()),
  });
  // The writable fails when the connection has ended, also after a clean Close; `closed` tells how.
  await readable
    .pipeThrough(upperCase)
    .pipeTo(writable)
    .catch(() => {});
  const { error } = await connection.closed;
  if (error !== undefined) throw error;
}

export async function start(tcpPort: number): Promise<{ url: string; close: () => Promise<void> }> {
  const server = new WebSocketServer({ path: /^\/(?:tcp|upper)$/ });
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  void (async () => {
    for await (const connection of server) {
      const task =
        connection.url === '/tcp' ? bridge(connection, tcpPort) : toUpperCase(connection);
      task.catch((error: unknown) => console.error(String(error)));
    }
  })();
  return { url, close: () => server.close() };
}

export async function main(print: Print = console.log): Promise<void> {
  // The TCP service sends everything back.
  const service = createServer((socket) => {
    pipeline(socket, socket).catch((error: unknown) => console.error(String(error)));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const server = await start((service.address() as AddressInfo).port);

  const duplex = (await connect(`${server.url}tcp`)).toDuplex();
  duplex.write('over TCP and back');
  const [octets] = await once(duplex, 'data');
  print(String(octets));
  duplex.end(); // Closes with 1000; the bridge then ends its TCP connection.

  const { readable, writable } = (await connect(`${server.url}upper`)).toWebStreams();
  const writer = writable.getWriter();
  const reader = readable.getReader();
  await writer.write('from a web stream');
  print(String((await reader.read()).value));
  await writer.close();

  service.close();
  await server.close();
}

if (process.argv[1] === import.meta.filename) await main();
