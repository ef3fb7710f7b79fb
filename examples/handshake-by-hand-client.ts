/**
 * The other side by hand: a client that writes its request (RFC 6455 §4.1) and its masked frames
 * (§5.3) to a TCP socket. The server is the library's, on a raw listener: `server.serve(socket)`.
 *
 * In Go: `net.Dial("tcp", …)` and the request with `fmt.Fprintf(conn, "GET / HTTP/1.1\r\n…")`; the
 * listener's side is `net.Listen` with the handshake on each `net.Conn`.
 *
 * What a real client has to add: to check status, Upgrade and Connection of the answer too; a limit
 * and a timeout for it; lengths of 126 and more, fragments, Ping and Pong; to refuse frames that
 * are masked or break another rule; and keys that nobody can foresee, a new one for every frame.
 *
 *     node examples/.build/handshake-by-hand-client.js
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { WebSocketServer } from 'framewire';

type Print = (line: string) => void;

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export async function main(print: Print = console.log): Promise<void> {
  const server = await startEchoServer();
  const socket = connect(server.port, '127.0.0.1');
  const read = reader(socket);

  // The request: GET, the headers of the handshake, and a nonce of 16 octets in base64.
  const key = randomBytes(16).toString('base64');
  const request = [
    'GET /chat HTTP/1.1',
    `Host: 127.0.0.1:${server.port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
  ];
  socket.write(`${request.join('\r\n')}\r\n\r\n`);
  for (const line of request) print(`> ${line}`);

  // The answer: up to the empty line, octet by octet, as frames may follow in the same packet.
  let head = '';
  while (!head.endsWith('\r\n\r\n')) head += (await read(1)).toString('latin1');
  for (const line of head.trimEnd().split('\r\n')) print(`< ${line}`);
  const expected = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  if (!head.includes(`Sec-WebSocket-Accept: ${expected}\r\n`)) throw new Error('a wrong answer');

  // "Hello", masked: FIN and opcode 1, mask bit and length, the key, the payload XOR the key.
  const hello = maskedFrame(0x81, Buffer.from('Hello'));
  socket.write(hello);
  print(`> ${hello.toString('hex')}: "Hello", masked with ${hello.toString('hex', 2, 6)}`);

  // The echo, not masked: two octets of header, then as many octets as they say.
  const [first = 0, length = 0] = await read(2);
  print(
    `< ${first.toString(16)} ${length.toString(16)}: FIN, opcode ${first & 0x0f}, ${length} long`,
  );
  print(`< ${(await read(length)).toString()}`);

  // A Close with the code 1000 in two octets (§5.5.1). The server answers and ends the connection.
  const close = maskedFrame(0x88, Buffer.from([1000 >> 8, 1000 & 0xff]));
  socket.write(close);
  print(`> ${close.toString('hex')}: Close 1000, masked`);
  print(`< ${(await read(4)).toString('hex')}: Close 1000`);
  await Promise.all([once(socket, 'close'), server.close()]);
}

function maskedFrame(firstOctet: number, payload: Buffer): Buffer {
  const key = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let index = 0; index < masked.length; index++) masked[index]! ^= key[index % 4]!;
  return Buffer.from([firstOctet, 0x80 | payload.length, ...key, ...masked]);
}

/** Gives exactly as many octets as are asked for, however the network slices them. */
function reader(socket: Socket): (count: number) => Promise<Buffer> {
  const chunks = socket[Symbol.asyncIterator]();
  let received = Buffer.alloc(0);
  return async (count) => {
    while (received.length < count) {
      const { value, done } = await chunks.next();
      if (done === true) throw new Error('the server ended the connection early');
      received = Buffer.concat([received, value as Buffer]);
    }
    const result = received.subarray(0, count);
    received = received.subarray(count);
    return result;
  };
}

/** A `net.Server` of one's own; each of its sockets becomes a WebSocket connection. */
async function startEchoServer(): Promise<{ port: number; close: () => Promise<void> }> {
  const websockets = new WebSocketServer({
    handler: { message: (connection, message) => void connection.send(message) },
  });
  const listener = createServer((socket) => {
    websockets.serve(socket).catch((error: unknown) => console.error(String(error)));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    async close() {
      listener.close();
      await websockets.close();
    },
  };
}

if (process.argv[1] === import.meta.filename) await main();
