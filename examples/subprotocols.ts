/**
 * Subprotocols (RFC 6455 §1.9): the client offers names, the server chooses one of them or none.
 *
 * In Go: `Upgrader.Subprotocols`, `Dialer.Subprotocols`, `conn.Subprotocol()`; in x/net
 * `Config.Protocol` and the `Handshake` function that trims it to one.
 *
 *     node examples/.build/subprotocols.js
 */
import { connect, HandshakeError, WebSocketServer, type ServerOptions } from 'framewire';

type Print = (line: string) => void;

/** Best first. */
const SPOKEN = ['chat.v2', 'chat.v1'];

/** A list: of what the client offers, its first that the server speaks. gorilla does the same. */
const byList: ServerOptions = { protocols: SPOKEN };

/** A function: here the server's order counts. It is given the request too, for its path. */
const byChoice: ServerOptions = {
  protocols: (offered) => SPOKEN.find((name) => offered.includes(name)),
};

/** A server that cannot talk without one says so, instead of a 101 without a subprotocol. */
const strict: ServerOptions = {
  protocols: SPOKEN,
  authorize({ protocols }) {
    if (protocols.some((name) => SPOKEN.includes(name))) return { accept: true };
    return { accept: false, status: 400, body: `this server speaks ${SPOKEN.join(' and ')}\n` };
  },
};

export async function main(print: Print = console.log): Promise<void> {
  print(`by list: ${await agree(byList, ['chat.v1', 'chat.v2'])}`);
  print(`by choice: ${await agree(byChoice, ['chat.v1', 'chat.v2'])}`);
  print(`nothing offered: ${await agree(byList, [])}`);
  print(`none fits: ${await agree(byList, ['mail.v1'])}`);
  print(`none fits, strict: ${await agree(strict, ['mail.v1'])}`);
}

/** What a client that offers `protocols` makes of such a server. */
async function agree(options: ServerOptions, protocols: readonly string[]): Promise<string> {
  await using server = new WebSocketServer(options); // Closed at the end of the function.
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  try {
    await using connection = await connect(url, { protocols });
    return connection.protocol === '' ? 'no subprotocol' : connection.protocol;
  } catch (error) {
    // A refusal, or a server that agreed on nothing although something was offered: a client that
    // offers subprotocols needs one of them. To do without, connect again and offer none.
    if (error instanceof HandshakeError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

if (process.argv[1] === import.meta.filename) await main();
