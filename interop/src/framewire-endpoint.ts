/** The library under test as an endpoint: as a client it is read by pull, as a server by push. */
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  connect,
  HandshakeError,
  json,
  WebSocketServer,
  type Connection,
  type Decision,
  type HandshakeRequest,
  type Message,
  type ServerOptions,
} from 'framewire';
import { EventQueue } from './event-queue.ts';
import { Inbound } from './inbound.ts';
import {
  Refusal,
  type Ability,
  type Content,
  type DialOptions,
  type Endpoint,
  type Link,
  type Listener,
  type ListenOptions,
  type SideOptions,
} from './endpoint.ts';

/** What authorize() attaches to a connection: the headers it has seen. */
type Headers = ReadonlyMap<string, string>;

const utf8 = new TextEncoder();

export class FramewireEndpoint implements Endpoint {
  readonly name = 'framewire';
  readonly abilities: ReadonlySet<Ability> = new Set<Ability>([
    'sees the status of a refusal',
    'refuses other origins by default',
    'insists on a subprotocol',
  ]);

  async listen(options: ListenOptions): Promise<Listener> {
    const accepted = new EventQueue<Link>('connection');
    const server = pulls(options)
      ? pullingServer(options, accepted)
      : pushingServer(options, accepted);
    const attached = options.attach === true ? await attach(server, options) : undefined;
    const port = attached?.port ?? (await listenAlone(server, options));
    const shutdown = async (): Promise<void> => {
      await server.close();
      await attached?.close();
    };
    return { port, accepted, shutdown };
  }

  async dial(options: DialOptions): Promise<Link> {
    const { url, protocols, headers, origin, certificate, maxMessageSize } = options;
    const ca = certificate === undefined ? undefined : await readFile(certificate);
    const inbound = new Inbound();
    try {
      const connection = await connect(url, {
        handler: { ping: (_connection, payload) => inbound.ping(payload) },
        ...(protocols !== undefined && { protocols }),
        ...(headers !== undefined && { headers }),
        ...(origin !== undefined && { origin }),
        ...(maxMessageSize !== undefined && { maxMessageSize }),
        ...(ca !== undefined && { tls: { ca } }),
      });
      void (options.json === true ? pullValues : pull)(connection, inbound, options);
      return linkOf(connection, inbound, new Map());
    } catch (error) {
      if (!HandshakeError.isInstance(error)) throw error;
      const cause = error.cause instanceof Error ? `; ${error.cause.message}` : '';
      throw new Refusal(`${error.message}${cause}`, error.status, { cause: error });
    }
  }

  kill(): Promise<void> {
    return Promise.reject(new Error('the library under test lives in this process'));
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}

/** Some listeners iterate over their connections, the others have a handler for all of them. */
function pulls({ json: speaksJson, attach: attaches }: ListenOptions): boolean {
  return speaksJson === true || attaches === true;
}

function pullingServer(
  options: ListenOptions,
  accepted: EventQueue<Link>,
): WebSocketServer<Headers> {
  const server = new WebSocketServer<Headers>(serverOptions(options));
  const read = options.json === true ? pullValues : pull;
  const acceptAll = async (): Promise<void> => {
    for await (const connection of server) {
      const inbound = new Inbound();
      void read(connection, inbound, options);
      accepted.push(linkOf(connection, inbound, connection.context));
    }
  };
  void acceptAll();
  return server;
}

function pushingServer(
  options: ListenOptions,
  accepted: EventQueue<Link>,
): WebSocketServer<Headers> {
  const inbounds = new WeakMap<Connection<Headers>, Inbound>();
  return new WebSocketServer<Headers>({
    ...serverOptions(options),
    handler: {
      open: (connection) => {
        const inbound = new Inbound();
        inbounds.set(connection, inbound);
        accepted.push(linkOf(connection, inbound, connection.context));
      },
      message: async (connection, message) => {
        if (options.echo === true) return connection.send(message);
        inbounds.get(connection)?.message(contentOf(message));
      },
      ping: (connection, payload) => inbounds.get(connection)?.ping(payload),
      closed: (connection, info) =>
        inbounds.get(connection)?.end({ code: info.code, reason: info.reason, info }),
    },
  });
}

function serverOptions(options: ListenOptions): ServerOptions<Headers> {
  const { protocols, origins, maxMessageSize } = options;
  return {
    authorize: (request) => decide(request, options),
    ...(protocols !== undefined && { protocols }),
    ...(origins !== undefined && { origins }),
    ...(maxMessageSize !== undefined && { maxMessageSize }),
  };
}

function decide(request: HandshakeRequest, options: ListenOptions): Decision<Headers> {
  const { refuse, requireProtocol } = options;
  if (refuse !== undefined) return { accept: false, status: refuse };
  if (requireProtocol !== undefined && !request.protocols.includes(requireProtocol)) {
    return { accept: false, status: 403, body: `speak ${requireProtocol}` };
  }
  return { accept: true, context: request.headers };
}

async function tlsOf({ certificate, key }: ListenOptions): Promise<{ cert: Buffer; key: Buffer }> {
  if (certificate === undefined || key === undefined) throw new Error('no certificate');
  return { cert: await readFile(certificate), key: await readFile(key) };
}

async function listenAlone(
  server: WebSocketServer<Headers>,
  options: ListenOptions,
): Promise<number> {
  const tls = options.certificate === undefined ? {} : { tls: await tlsOf(options) };
  const { port } = await server.listen({ port: 0, host: '127.0.0.1', ...tls });
  return port;
}

interface Attached {
  readonly port: number;
  close(): Promise<void>;
}

async function attach(server: WebSocketServer<Headers>, options: ListenOptions): Promise<Attached> {
  const http =
    options.certificate === undefined ? createServer() : createTlsServer(await tlsOf(options));
  server.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return {
    port,
    close: async () => {
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
  };
}

function contentOf(message: Message): Content {
  return typeof message === 'string'
    ? { type: 'text', data: utf8.encode(message) }
    : { type: 'binary', data: message };
}

type AnyConnection = Connection<undefined> | Connection<Headers>;

async function pull(
  connection: AnyConnection,
  inbound: Inbound,
  { echo }: SideOptions,
): Promise<void> {
  const readAll = async (): Promise<void> => {
    for await (const message of connection) {
      if (echo === true) await connection.send(message);
      if (echo !== true) inbound.message(contentOf(message));
    }
  };
  // How it ended is told by `closed`, also when the loop ends with an error.
  await readAll().catch(() => undefined);
  await reportEnd(connection, inbound);
}

async function pullValues(
  connection: AnyConnection,
  inbound: Inbound,
  { echo }: SideOptions,
): Promise<void> {
  const values = connection.withCodec(json<unknown>());
  const readAll = async (): Promise<void> => {
    for await (const value of values) {
      if (echo === true) await values.send(value);
      if (echo !== true) inbound.message(contentOf(JSON.stringify(value)));
    }
  };
  await readAll().catch(() => undefined);
  await reportEnd(connection, inbound);
}

async function reportEnd(connection: AnyConnection, inbound: Inbound): Promise<void> {
  const info = await connection.closed;
  inbound.end({ code: info.code, reason: info.reason, info });
}

function linkOf(connection: AnyConnection, inbound: Inbound, headers: Headers): Link {
  const { messages, pings, pongs, history, closed } = inbound;
  const ping = async (payload: Uint8Array): Promise<void> => {
    // Resolves with the pong of this very payload.
    await connection.ping({ payload });
    inbound.pong(payload);
  };
  return {
    ...{ protocol: connection.protocol, headers, messages, pings, pongs, history, closed },
    ping,
    send: ({ type, data }) => connection.send(data, { type }),
    sendFragments: (type, parts, payload) => {
      const pause = (): Promise<void> => ping(payload);
      if (type === 'binary') return connection.sendStream(pausing(parts, pause));
      return connection.sendStream(pausing(cutInsideCharacters(parts), pause));
    },
    close: async (code, reason) => {
      await connection.close(code, reason);
    },
    abort: () => Promise.resolve(connection.terminate()),
  };
}

/** Waits for the pong before the second part: the peer has to answer in the middle of a message. */
async function* pausing<Part>(
  parts: readonly Part[],
  pause: () => Promise<void>,
): AsyncGenerator<Part> {
  for (const [index, part] of parts.entries()) {
    if (index === 1) await pause();
    yield part;
  }
}

/** The same text in strings that end in the middle of a character of two UTF-16 units. */
function cutInsideCharacters(parts: readonly Uint8Array[]): string[] {
  const whole = Buffer.concat(parts).toString();
  const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
  const cuts = [1, 2].map((part) => {
    const cut = Math.floor((whole.length * part) / 3);
    return isHigh(whole.charCodeAt(cut)) ? cut + 1 : cut;
  });
  return [whole.slice(0, cuts[0]), whole.slice(cuts[0], cuts[1]), whole.slice(cuts[1])];
}
