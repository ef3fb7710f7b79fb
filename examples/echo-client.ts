/**
 * A client that sends a thousand messages, reads their echoes, and closes with a code and a reason.
 *
 * In Go: gorilla's echo client, `websocket.DefaultDialer.Dial`, a goroutine that reads, a loop that
 * writes, and `WriteMessage(CloseMessage, FormatCloseMessage(CloseNormalClosure, ""))` at the end.
 *
 *     node examples/.build/echo-client.js [url]       first start echo-server
 */
import { CloseCode, connect, type Connection } from 'framewire';

type Print = (line: string) => void;

const COUNT = 1000;

export async function main(url: string, print: Print = console.log): Promise<void> {
  const connection = await connect(url);
  print(`connected from ${connection.localAddress}:${connection.localPort}`);

  // Both at the same time: whoever only sends, and reads later, may wait for an echo server that
  // waits for them.
  const [, count] = await Promise.all([sendAll(connection), readAll(connection)]);
  print(`${count} echoes`);

  print(`a Ping took ${Math.ceil(await connection.ping())} ms or less`);

  const { code, reason, wasClean } = await connection.close(CloseCode.normal, 'that was all');
  print(`closed with ${code} ${reason}, ${wasClean ? 'clean' : 'not clean'}`);
}

async function sendAll(connection: Connection): Promise<void> {
  for (let index = 0; index < COUNT; index++) {
    // Resolves when there is room for more: at once, or when the peer has read on.
    await connection.send(`message ${index}`);
  }
}

async function readAll(connection: Connection): Promise<number> {
  let count = 0;
  // Leaving the loop does not close the connection.
  for await (const message of connection) {
    if (message !== `message ${count}`) throw new Error(`out of order: ${String(message)}`);
    count++;
    if (count === COUNT) break;
  }
  return count;
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv[2] ?? 'ws://127.0.0.1:8080/');
}
