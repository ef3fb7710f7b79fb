/**
 * A WebSocket server by hand, to see what a library does: a TCP listener, the opening handshake
 * (RFC 6455 §4.2), and frames read and written octet by octet (§5.2). The client is the library's.
 *
 * In Go: `net.Listen("tcp", …)`, `Accept`, the handshake with `crypto/sha1` and `encoding/base64`,
 * and a loop that decodes the header of each frame from a `[]byte`.
 *
 * What a real server has to add: to refuse requests that are no handshake, or come from a foreign
 * page, and to bound the size and the time of the head; lengths of 126 and more, fragments, Ping
 * and Pong; to refuse frames without a mask, with reserved bits or opcodes, and text that is not
 * UTF-8; backpressure, and timeouts. That is what framewire is.
 *
 *     node examples/.build/handshake-by-hand.js
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { connect } from 'framewire';

type Print = (line: string) => void;

/** §1.3: the same for every server in the world. It proves that the server speaks WebSocket. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

async function serveByHand(socket: Socket, print: Print): Promise<void> {
  let received = Buffer.alloc(0); // What has arrived and has not been used: TCP slices as it likes.
  let isOpen = false;
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    if (!isOpen) {
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) continue;
      shakeHands(socket, received.toString('latin1', 0, end), print);
      isOpen = true;
      received = received.subarray(end + 4);
    }
    // Two octets tell how long the frame is: with the masking key, 6 and the payload.
    while (received.length >= 2) {
      const size = 6 + (received.readUInt8(1) & 0x7f);
      if (received.length < size) break;
      answerFrame(socket, received.subarray(0, size), print);
      received = received.subarray(size);
    }
  }
}

/** §4.2.2: the answer to the client's key is its SHA-1 together with the GUID, in base64. */
function shakeHands(socket: Socket, head: string, print: Print): void {
  const key = /^Sec-WebSocket-Key: *(\S+)$/im.exec(head)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  for (const line of head.split('\r\n')) print(`< ${line}`);
  for (const line of lines) print(`> ${line}`);
}

function answerFrame(socket: Socket, frame: Buffer, print: Print): void {
  const fin = frame.readUInt8(0) >> 7; // 1: the last frame of its message
  const opcode = frame.readUInt8(0) & 0x0f; // 1 text, 2 binary, 8 Close, 9 Ping, 10 Pong
  const mask = frame.readUInt8(1) >> 7; // 1: masked, as a client's frames always are (§5.1)
  const key = frame.subarray(2, 6);
  const payload = Buffer.from(frame.subarray(6)); // A copy, since it is unmasked in place.
  for (let index = 0; index < payload.length; index++) payload[index]! ^= key[index % 4]!;
  print(`< ${hex(frame, 0, 1)}: FIN ${fin}, opcode ${opcode}`);
  print(`< ${hex(frame, 1, 2)}: mask bit ${mask}, length ${payload.length}`);
  print(`< ${hex(frame, 2, 6)}: masking key`);
  print(`< ${hex(frame, 6)}: payload, ${hex(payload)} without the mask, ${tell(opcode, payload)}`);

  // A server does not mask: FIN and opcode, the length, and the payload as it is. A Close is
  // answered with its own code (§5.5.1), so that both answers are echoes.
  const answer = Buffer.from([0x80 | opcode, payload.length, ...payload]);
  print(`> ${hex(answer)}: FIN 1, opcode ${opcode}, mask bit 0, length ${payload.length}`);
  socket.write(answer);
  if (opcode === 8) socket.end(); // §7.1.1: after both Closes the server ends the connection.
}

/** The payload of a Close is a code of two octets and a reason; of a text it is UTF-8. */
function tell(opcode: number, payload: Buffer): string {
  if (opcode !== 8) return JSON.stringify(payload.toString());
  if (payload.length < 2) return 'Close';
  return `Close ${payload.readUInt16BE(0)} ${payload.toString('utf8', 2)}`;
}

function hex(octets: Buffer, start = 0, end = octets.length): string {
  return octets.toString('hex', start, end).replaceAll(/..(?=.)/g, '$& ');
}

export async function start(
  print: Print = console.log,
): Promise<{ url: string; close: () => void }> {
  const server = createServer((socket) => {
    serveByHand(socket, print).catch((error: unknown) => print(String(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `ws://127.0.0.1:${port}/`, close: () => server.close() };
}

export async function main(print: Print = console.log): Promise<void> {
  const server = await start(print);
  const connection = await connect(server.url);
  await connection.send('Hello');
  print(`The client received ${JSON.stringify(await connection.receive())}`);
  await connection.close(1000, 'done');
  server.close();
}

if (process.argv[1] === import.meta.filename) await main();
