/**
 * A message larger than memory: sent part by part with `sendStream`, received part by part with
 * `messages()`. Neither side ever holds it as a whole, and `maxMessageSize` does not apply to it.
 *
 * In Go: `conn.NextWriter` and `conn.NextReader` with `io.Copy`, and gorilla's `JoinMessages`.
 *
 *     node examples/.build/streams.js [MiB]
 */
import { createHash } from 'node:crypto';
import { connect, WebSocketServer, type Connection } from 'framewire';

type Print = (line: string) => void;

const PART = new Uint8Array(64 * 1024).fill(0x2e);
const PARTS_OF_A_MEBIBYTE = 16;

/** Answers each message with its size and digest, without ever having the whole of it. */
async function digestMessages(connection: Connection): Promise<void> {
  // Called before anything is awaited: a message that arrived earlier would come as a whole.
  for await (const message of connection.messages()) {
    const hash = createHash('sha256');
    let size = 0;
    // Parts that are not read yet hold the client back. They are strings in a text message.
    for await (const part of message) {
      hash.update(part);
      size += part.length;
    }
    await connection.send(`${message.type}, ${size} octets, SHA-256 ${hash.digest('hex')}`);
  }
}

export async function start(port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const server = new WebSocketServer({ maxMessageSize: 1024 });
  const { url } = await server.listen({ port, host: '127.0.0.1' });
  void (async () => {
    for await (const connection of server) {
      digestMessages(connection).catch((error: unknown) => console.error(String(error)));
    }
  })();
  return { url, close: () => server.close() };
}

/** Any iterable or async iterable of strings or octets is a source: a file's stream is one too. */
function* parts(count: number): Generator<Uint8Array> {
  for (let index = 0; index < count; index++) yield PART; // Asked for when there is room.
}

export async function main(mebibytes = 64, print: Print = console.log): Promise<void> {
  const server = await start();
  const connection = await connect(server.url);

  await connection.sendStream(parts(mebibytes * PARTS_OF_A_MEBIBYTE));
  print(`sent ${mebibytes} MiB as one message`);
  print(String(await connection.receive()));

  // The size of a text is not known before it ends either.
  await connection.sendStream(['one ', 'two ', 'three']);
  print(String(await connection.receive()));

  await connection.close(1000);
  await server.close();
  print(`the process had ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at most`);
}

if (process.argv[1] === import.meta.filename) await main(Number(process.argv[2] ?? 64));
