/**
 * Compression (permessage-deflate, RFC 7692): what is compressed by itself, what is not, what one
 * decides for a message, and what it saves. The server answers each message with the octets it took
 * on the wire, frame headers included.
 *
 * In Go: gorilla's `EnableCompression` of `Upgrader` and `Dialer`, `Conn.EnableWriteCompression` for
 * the messages that follow, here `compress` for each, and `Conn.SetCompressionLevel`, here `level`.
 *
 *     node examples/.build/compression.js
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  connect,
  prepareMessage,
  WebSocketServer,
  type Connection,
  type PerMessageDeflateOptions,
} from 'framewire';

type Print = (line: string) => void;

interface Measured {
  readonly octets: number;
  readonly onTheWire: number;
}

async function measure(connection: Connection): Promise<void> {
  const socket = connection.transport as Socket;
  let before = socket.bytesRead;
  for await (const message of connection) {
    // The client waits for the answer, so that what was read since the last one is this message.
    const measured: Measured = {
      octets: Buffer.byteLength(message),
      onTheWire: socket.bytesRead - before,
    };
    before = socket.bytesRead;
    await connection.send(JSON.stringify(measured));
  }
}

export async function start(
  perMessageDeflate: boolean | PerMessageDeflateOptions = true,
  port = 0,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = new WebSocketServer({ perMessageDeflate, onConnection: measure });
  const { url } = await server.listen({ port, host: '127.0.0.1' });
  return { url, close: () => server.close() };
}

/** Waits for the server's answer to what is being sent. */
async function tell(
  connection: Connection,
  what: string,
  sending: Promise<void>,
  print: Print,
): Promise<void> {
  await sending;
  const { octets, onTheWire } = JSON.parse(String(await connection.receive())) as Measured;
  print(`${what}: ${octets} octets, ${onTheWire} on the wire`);
}

const ROWS = JSON.stringify(
  Array.from({ length: 200 }, (_, id) => ({ id, name: `row ${id}`, isDone: id % 3 === 0 })),
);

async function messageByMessage(print: Print): Promise<void> {
  const server = await start();
  const connection = await connect(server.url, { perMessageDeflate: true });
  // Empty if the server had declined; everything below would work, and nothing be compressed.
  print(connection.extensions);

  await tell(connection, 'JSON', connection.send(ROWS), print);
  // Fewer octets than `threshold`, 256.
  await tell(connection, 'short', connection.send('hello'), print);
  // Whoever sees the size of what is compressed learns something of it (RFC 7692 §8).
  const secret = `the key is ${'0123456789abcdef'.repeat(32)}`;
  await tell(connection, 'secret', connection.send(secret, { compress: false }), print);
  // Compressed once, however many connections it is sent to; so is what `broadcast` sends.
  await tell(connection, 'prepared', connection.send(prepareMessage(ROWS)), print);
  // A stream is compressed part by part, as it comes.
  await tell(connection, 'stream', connection.sendStream([ROWS, ROWS, ROWS]), print);
  // What does not get smaller is sent as it is, and the next message is not even tried …
  await tell(connection, 'random', connection.send(randomBytes(4096)), print);
  await tell(connection, 'not tried', connection.send(ROWS), print);
  // … unless one knows better.
  await tell(connection, 'random again', connection.send(randomBytes(4096)), print);
  await tell(connection, 'compress: true', connection.send(ROWS, { compress: true }), print);

  await connection.close(1000);
  await server.close();
}

/** Messages that are small and alike gain much from a memory of those before. */
async function withContextTakeover(print: Print): Promise<void> {
  const remembers = { serverNoContextTakeover: false, clientNoContextTakeover: false };
  const server = await start(remembers);
  const connection = await connect(server.url, { perMessageDeflate: remembers });
  print(connection.extensions);
  for (const number of [1, 2, 3]) {
    const order = JSON.stringify({
      event: 'order',
      number,
      customer: { name: 'Ada Lovelace', street: 'St James’s Square', city: 'London' },
      items: ['analytical engine', 'punched cards', 'spare gear wheels', 'oil'],
      delivery: { by: 'carriage', after: '1843-09-01', instructions: 'ring the bell twice' },
    });
    await tell(connection, `order ${number}`, connection.send(order), print);
  }
  await connection.close(1000);
  await server.close();
}

export async function main(print: Print = console.log): Promise<void> {
  await messageByMessage(print);
  await withContextTakeover(print);
}

if (process.argv[1] === import.meta.filename) await main();
