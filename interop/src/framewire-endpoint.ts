/** The library under test as an endpoint: as a client it is read by pull, as a server by push. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  connect,
  HandshakeError,
  json,
  prepareMessage,
  WebSocketServer,
  type Connection,
  type Decision,
  type HandshakeRequest,
  type Message,
  type PerMessageDeflateOptions,
  type SendOptions,
  type ServerOptions,
} from 'framewire';
import { agreementOf, type DeflateChoice } from './deflate.ts';
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
  type Manner,
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
    'compresses',
    'keeps a context',
    'asks for deflate parameters',
    'takes deflate parameters',
    'chooses a window of 8 bits',
    'chooses what to compress',
    'compresses what gets smaller',
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
        ...deflateOptions(options),
      });
      void (options.json === true ? pullValues : pull)(connection, inbound, options);
      return linkOf(connection, inbound, { headers: new Map(), deflate: options.deflate });
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
      const { context: headers } = connection;
      accepted.push(linkOf(connection, inbound, { headers, deflate: options.deflate }));
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
        const { context: headers } = connection;
        accepted.push(linkOf(connection, inbound, { headers, deflate: options.deflate }));
      },
      message: async (connection, message) => {
        if (options.echo === true) return connection.send(message, sendOptions(options.deflate));
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
    ...deflateOptions(options),
  };
}

function deflateOptions({ deflate = 'off' }: SideOptions): {
  readonly perMessageDeflate: boolean | PerMessageDeflateOptions;
} {
  if (typeof deflate === 'string') return { perMessageDeflate: deflate === 'default' };
  const willing = { serverNoContextTakeover: false, clientNoContextTakeover: false };
  return { perMessageDeflate: { ...willing, ...deflate } };
}

/** Whoever asks for parameters wants to see them used, also for what does not get smaller. */
function sendOptions(deflate: DeflateChoice | undefined, manner?: Manner): SendOptions {
  if (manner === 'plain') return { compress: false };
  if (manner === 'unforced') return {};
  return manner === 'compressed' || typeof deflate === 'object' ? { compress: true } : {};
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
  options: SideOptions,
): Promise<void> {
  const readAll = async (): Promise<void> => {
    for await (const message of connection) {
      if (options.echo === true) await connection.send(message, sendOptions(options.deflate));
      if (options.echo !== true) inbound.message(contentOf(message));
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

interface LinkOptions {
  readonly headers: Headers;
  readonly deflate: DeflateChoice | undefined;
}

function linkOf(
  connection: AnyConnection,
  inbound: Inbound,
  { headers, deflate }: LinkOptions,
): Link {
  const { protocol, extensions } = connection;
  assert.deepEqual(agreementOf(extensions), connection.perMessageDeflate);
  const options = sendOptions(deflate);
  const { messages, pings, pongs, history, closed } = inbound;
  const ping = async (payload: Uint8Array): Promise<void> => {
    // Resolves with the pong of this very payload.
    await connection.ping({ payload });
    inbound.pong(payload);
  };
  return {
    ...{ protocol, extensions, headers, messages, pings, pongs, history, closed },
    ping,
    send: ({ type, data }, manner) => {
      const chosen = { ...sendOptions(deflate, manner), type };
      return manner === 'prepared'
        ? connection.send(prepareMessage(data, { ...chosen, compress: true }))
        : connection.send(data, chosen);
    },
    sendFragments: (type, parts, payload) => {
      const pause = (): Promise<void> => ping(payload);
      if (type === 'binary') return connection.sendStream(pausing(parts, pause), options);
      return connection.sendStream(pausing(cutInsideCharacters(parts), pause), options);
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
