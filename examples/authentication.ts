/**
 * Authentication before the handshake is answered: `authorize` reads the Authorization header, and
 * decides with 401 or with a typed `context` that stays with the connection.
 *
 * A browser cannot set this header on a WebSocket: for pages use a cookie, or a short-lived token
 * in the query or in the first message.
 *
 * In Go: checks before `upgrader.Upgrade(w, r, nil)` with `http.Error(w, …, 401)`; on the client
 * the `requestHeader` of `Dial`, and the `*http.Response` it returns together with
 * `ErrBadHandshake`.
 *
 *     node examples/.build/authentication.js
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import {
  connect,
  HandshakeError,
  WebSocketServer,
  type Decision,
  type HandshakeRequest,
} from 'framewire';

type Print = (line: string) => void;

interface User {
  readonly name: string;
  readonly isAdmin: boolean;
}

/** Only the digests of the tokens are kept, so that reading this table lets nobody in. */
const USERS: readonly { readonly user: User; readonly digest: Buffer }[] = [
  { user: { name: 'Ada', isAdmin: true }, digest: digestOf('a token of Ada') },
  { user: { name: 'Bob', isAdmin: false }, digest: digestOf('a token of Bob') },
];

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** May be async, for a database or another service; `handshakeTimeout` bounds it. */
function authorize(request: HandshakeRequest): Decision<User> {
  const token = /^Bearer +(.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
  const digest = digestOf(token);
  // `timingSafeEqual` takes as long for a good guess as for a bad one, and needs equal lengths.
  const found = USERS.filter((entry) => timingSafeEqual(entry.digest, digest))[0];
  if (found !== undefined) return { accept: true, context: found.user };
  return {
    accept: false,
    status: 401,
    headers: { 'WWW-Authenticate': 'Bearer realm="the example"' },
    body: 'a token is needed\n',
  };
}

export async function start(port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const server = new WebSocketServer<User>({
    authorize,
    handler: {
      message(connection) {
        const { name, isAdmin } = connection.context; // Typed, and nothing can be here without it.
        void connection.send(`${name}, ${isAdmin ? 'an administrator' : 'a guest'}`);
      },
    },
  });
  const { url } = await server.listen({ port, host: '127.0.0.1' });
  return { url, close: () => server.close() };
}

/** Who the server says we are, or why it says nothing. */
export async function whoAmI(url: string, token: string, print: Print): Promise<void> {
  try {
    const headers = { Authorization: `Bearer ${token}` };
    await using connection = await connect(url, { headers });
    await connection.send('who am I?');
    print(String(await connection.receive()));
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    const { status, headers, body } = error;
    print(
      `${status}, ${headers?.get('www-authenticate')}, ${new TextDecoder().decode(body).trim()}`,
    );
  }
}

export async function main(print: Print = console.log): Promise<void> {
  const server = await start();
  await whoAmI(server.url, 'a token of Ada', print);
  await whoAmI(server.url, 'a token of Bob', print);
  await whoAmI(server.url, 'a guess', print);
  await server.close();
}

if (process.argv[1] === import.meta.filename) await main();
