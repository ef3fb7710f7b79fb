/** The transport a client needs: TCP, TLS or a unix socket, directly or through a proxy. */
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Clock } from '../connection/clock.ts';
import { HandshakeError, invalidArgument } from '../errors.ts';
import { unlessExpired, type Deadline } from './deadline.ts';
import { resolveProxy, type Proxy, type ProxyChoice } from './proxy.ts';
import { openThroughProxy } from './tunnel.ts';
import type { Destination } from './url.ts';

/** What `net.connect` is told, beside where to connect to. */
export type TcpOptions = Pick<
  net.TcpNetConnectOpts,
  | 'autoSelectFamily'
  | 'autoSelectFamilyAttemptTimeout'
  | 'family'
  | 'hints'
  | 'keepAlive'
  | 'keepAliveInitialDelay'
  | 'localAddress'
  | 'localPort'
  | 'lookup'
  | 'noDelay'
>;

/** Where a hook is to connect to: the server, or the proxy before it. */
export interface DialTarget {
  readonly hostname: string;
  readonly port: number;
  /** A unix socket instead of host and port. */
  readonly socketPath: string | undefined;
  /** For `dialTls`: the protocols to offer (RFC 7301), such as `['http/1.1']`. */
  readonly alpn: readonly string[];
  /** Aborts when the opening handshake is given up. A stream that comes later is destroyed. */
  readonly signal: AbortSignal;
}

/**
 * Stands for the network. What it throws is what a network that fails gives: a `HandshakeError` with it as
 * the `cause`, `ERR_WS_NETWORK` on the way to the server, `ERR_WS_PROXY` on the way to a proxy.
 */
export type Dial = (target: DialTarget) => Duplex | Promise<Duplex>;

/**
 * Called with the URL that is to be opened, and again for each redirect. `connect` rejects with what it
 * throws.
 */
export type ProxyFunction = (url: URL) => ProxyChoice | Promise<ProxyChoice>;

/** How servers are reached. */
export interface Dialling {
  readonly tcp: TcpOptions;
  readonly tls: tls.ConnectionOptions;
  readonly dial: Dial | undefined;
  readonly dialTls: Dial | undefined;
  readonly proxy: ProxyChoice | ProxyFunction;
}

/** How one server is reached. */
export interface Way extends Omit<Dialling, 'proxy'> {
  readonly proxy: Proxy | undefined;
}

export interface DialOptions {
  readonly deadline: Deadline;
  readonly clock: Clock;
}

export async function chooseProxy(
  choice: ProxyChoice | ProxyFunction,
  destination: Destination,
  deadline: Deadline,
): Promise<Proxy | undefined> {
  if (destination.socketPath !== undefined) return undefined;
  const chosen =
    typeof choice === 'function'
      ? await unlessExpired(Promise.resolve(choice(new URL(destination.url))), deadline)
      : choice;
  return resolveProxy(chosen, destination);
}

/**
 * A stream to the server that is ready to be written to. Rejects with `HandshakeError`, with the
 * deadline's reason, or with what Node throws for options that cannot be, and leaves nothing behind
 * then. Its errors are ignored until `take`.
 */
export async function dial(
  destination: Destination,
  way: Way,
  alpn: readonly string[],
  options: DialOptions,
): Promise<Duplex> {
  if (way.proxy !== undefined) return dialThrough(way.proxy, destination, way, alpn, options);
  const { deadline } = options;
  const { hostname, isSecure } = destination;
  try {
    if (isSecure && way.dialTls !== undefined) {
      return await dialHook(way.dialTls, destination, alpn, deadline);
    }
    const duplex = await dialTcp(destination, way, deadline);
    return isSecure ? await secure(duplex, hostname, way.tls, alpn, deadline) : duplex;
  } catch (error) {
    throw failure('ERR_WS_NETWORK', error, deadline);
  }
}

async function dialThrough(
  proxy: Proxy,
  destination: Destination,
  way: Way,
  alpn: readonly string[],
  { deadline, clock }: DialOptions,
): Promise<Duplex> {
  const { hostname, port, kind, url } = proxy;
  let duplex: Duplex | undefined;
  try {
    duplex = await dialTcp({ hostname, port, socketPath: undefined }, way, deadline);
    if (kind === 'https') {
      duplex = await secure(duplex, hostname, proxy.tls, ['http/1.1'], deadline);
    }
    await openThroughProxy(duplex, proxy, destination, deadline.signal, clock);
  } catch (error) {
    duplex?.destroy();
    throw failure('ERR_WS_PROXY', error, deadline, url);
  }
  if (!destination.isSecure) return duplex;
  try {
    return await secure(duplex, destination.hostname, way.tls, alpn, deadline);
  } catch (error) {
    throw failure('ERR_WS_NETWORK', error, deadline);
  }
}

type Place = Pick<Destination, 'hostname' | 'port' | 'socketPath'>;

function dialTcp(place: Place, { dial: hook, tcp }: Way, deadline: Deadline): Promise<Duplex> {
  if (hook !== undefined) return dialHook(hook, place, [], deadline);
  const { hostname, port, socketPath } = place;
  const socket = attempt(() =>
    net.connect(socketPath === undefined ? { ...tcp, host: hostname, port } : { path: socketPath }),
  );
  return ready(socket, deadline);
}

async function dialHook(
  hook: Dial,
  { hostname, port, socketPath }: Place,
  alpn: readonly string[],
  deadline: Deadline,
): Promise<Duplex> {
  const { signal } = deadline;
  const dialling = Promise.resolve(hook({ hostname, port, socketPath, alpn, signal }));
  const duplex = await unlessExpired(dialling, deadline, discard);
  if (!(duplex instanceof Duplex)) {
    throw new Mistake(invalidArgument('what was dialled is not a Duplex'));
  }
  return ready(duplex, deadline);
}

/** What a hook has dialled too late, if it is a stream at all. */
function discard(duplex: unknown): void {
  if (duplex instanceof Duplex) duplex.on('error', ignore).destroy();
}

/** TLS on a stream that is connected. */
async function secure(
  duplex: Duplex,
  hostname: string,
  options: tls.ConnectionOptions,
  alpn: readonly string[],
  deadline: Deadline,
): Promise<Duplex> {
  try {
    const socket = attempt(() =>
      tls.connect({
        // RFC 6066 §3: a server name is a name, not an address.
        ...(net.isIP(hostname) === 0 && { servername: hostname }),
        ALPNProtocols: [...alpn],
        ...options,
        // Whom the certificate has to be of, where there is no server name.
        host: hostname,
        socket: duplex,
      }),
    );
    return await ready(socket, deadline);
  } catch (error) {
    duplex.destroy();
    throw error;
  }
}

/** A stream that was given, as `dial` gives one. */
export async function dialled(duplex: Duplex, deadline: Deadline): Promise<Duplex> {
  try {
    return await ready(duplex, deadline);
  } catch (error) {
    throw failure('ERR_WS_NETWORK', error, deadline);
  }
}

/**
 * Resolves when the stream can carry the handshake: for TLS, when the certificate was accepted. It is
 * destroyed when it rejects, with its error or the deadline's reason.
 */
function ready(duplex: Duplex, deadline: Deadline): Promise<Duplex> {
  duplex.on('error', ignore);
  const event = pendingEvent(duplex);
  if (event === undefined) return Promise.resolve(duplex);
  return new Promise((resolve, reject) => {
    // It may have expired already, and calls back at once then.
    let expiry: Disposable | undefined = undefined;
    const settle = (): void => {
      expiry?.[Symbol.dispose]();
      duplex.off(event, onReady).off('error', onFailed).off('close', onFailed);
    };
    const onReady = (): void => {
      settle();
      resolve(duplex);
    };
    const onFailed = (error: unknown = new Error('it closed early')): void => {
      settle();
      duplex.destroy();
      reject(error);
    };
    duplex.on(event, onReady).on('error', onFailed).on('close', onFailed);
    expiry = deadline.onExpire(onFailed);
  });
}

/** The stream is somebody else's from here on, who listens for its errors. */
export function take(duplex: Duplex): void {
  duplex.off('error', ignore);
}

function ignore(): void {}

/** Not so for a socket that was given when it was connected, and secured, already. */
function pendingEvent(duplex: Duplex): 'connect' | 'secureConnect' | undefined {
  if (duplex instanceof tls.TLSSocket) {
    const isPending = 'secureConnecting' in duplex && duplex.secureConnecting === true;
    return isPending ? 'secureConnect' : undefined;
  }
  return duplex instanceof net.Socket && duplex.connecting ? 'connect' : undefined;
}

export function speaksHttp2(duplex: Duplex): boolean {
  return duplex instanceof tls.TLSSocket && duplex.alpnProtocol === 'h2';
}

/** What Node throws at once, for options that cannot be: no failure of the network. */
class Mistake extends Error {
  constructor(cause: unknown) {
    super('a mistake of the caller', { cause });
  }
}

function attempt<Value>(task: () => Value): Value {
  try {
    return task();
  } catch (cause) {
    throw new Mistake(cause);
  }
}

/** Which leg of the way failed, and why. What the deadline says is told untouched, and so are mistakes. */
function failure(
  code: 'ERR_WS_NETWORK' | 'ERR_WS_PROXY',
  error: unknown,
  deadline: Deadline,
  proxy?: string,
): unknown {
  if (error instanceof Mistake) return error.cause;
  if (error instanceof HandshakeError || deadline.hasExpiredWith(error)) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new HandshakeError(code, detail, { cause: error, proxy });
}
