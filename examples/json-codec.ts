/**
 * Values instead of messages: a `Codec` encodes and decodes them, `withCodec` gives a connection of
 * that type. There are `json<Value>()`, `message` (text and octets as they are), and one's own.
 *
 * In Go: `conn.ReadJSON` and `WriteJSON` of gorilla; `websocket.JSON.Send` and `Receive`,
 * `websocket.Message` and `websocket.Codec{Marshal, Unmarshal}` of golang.org/x/net/websocket.
 *
 *     node examples/.build/json-codec.js
 */
import {
  CloseCode,
  connect,
  json,
  message,
  ProtocolError,
  WebSocketServer,
  type Codec,
  type Connection,
} from 'framewire';

type Print = (line: string) => void;

interface Question {
  readonly add: readonly number[];
}

type Answer = { readonly sum: number } | { readonly error: string };

/**
 * `json<Question>()` trusts the peer: it checks that the message is JSON, and nothing about its
 * shape. A codec of one's own checks that too; what it throws reaches the reader in the same way.
 */
const question: Codec<Question> = {
  encode: (value) => json<Question>().encode(value),
  decode(received) {
    const value = json<Partial<Question> | null>().decode(received);
    const add = value?.add;
    if (!Array.isArray(add) || !add.every((item) => typeof item === 'number')) {
      throw new TypeError('"add" is not a list of numbers');
    }
    return { add };
  },
};

async function serve(connection: Connection): Promise<void> {
  const questions = connection.withCodec(question);
  const answers = connection.withCodec(json<Answer>());
  for (let mistakes = 0; mistakes < 3;) {
    try {
      const asked = await questions.receive();
      if (asked === undefined) return; // A clean close.
      await answers.send({ sum: asked.add.reduce((sum, item) => sum + item, 0) });
    } catch (error) {
      // A bad message is no bad connection: the next one can be read, if we want to.
      if (!(error instanceof ProtocolError)) throw error;
      mistakes++;
      await answers.send({ error: (error.cause as Error).message });
    }
  }
  await connection.close(CloseCode.invalidPayload, 'too many mistakes');
}

export async function start(port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const server = new WebSocketServer();
  const { url } = await server.listen({ port, host: '127.0.0.1' });
  void (async () => {
    for await (const connection of server) {
      serve(connection).catch((error: unknown) => console.error(String(error)));
    }
  })();
  return { url, close: () => server.close() };
}

export async function main(print: Print = console.log): Promise<void> {
  const server = await start();
  const connection = await connect(server.url);
  const questions = connection.withCodec(question);
  const answers = connection.withCodec(json<Answer>());
  const plain = connection.withCodec(message);

  await questions.send({ add: [1, 2, 3] });
  print(JSON.stringify(await answers.receive()));
  await plain.send('{"add": [1, 2');
  print(JSON.stringify(await answers.receive()));
  await plain.send('{"add": "everything"}');
  print(String(await plain.receive()));
  await plain.send(Uint8Array.of(0x7b, 0x7d)); // "{}" as octets: JSON is read from both types.
  print(String(await plain.receive()));

  const { code, reason } = await connection.closed;
  print(`${code} ${reason}`);
  await server.close();
}

if (process.argv[1] === import.meta.filename) await main();
