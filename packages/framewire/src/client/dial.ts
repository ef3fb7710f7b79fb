/** The transport a client needs: TCP, TLS or a unix socket, directly or through a proxy. */
import { addAbortListener } from 'node:events';
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Clock } from '../connection/clock.ts';
import { HandshakeError, invalidArgument } from '../errors.ts';
import { unlessAborted } from './deadline.ts';
import { resolveProxy, type Proxy, type ProxyChoice } from './proxy.ts';
import { openTunnel } from './tunnel.ts';
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
  /** Aborts when the opening handshake is given up. A stream that comes later is destroyed. */
  readonly signal: AbortSignal;
}

export type Dial = (target: DialTarget) => Duplex | Promise<Duplex>;

/** Called with the URL that is to be opened, and again for each redirect. */
export type ProxyFunction = (url: URL) => ProxyChoice | Promise<ProxyChoice>;

/** How a server is reached. */
export interface Dialling {
  readonly tcp: TcpOptions;
  readonly tls: tls.ConnectionOptions;
  readonly dial: Dial | undefined;
  readonly dialTls: Dial | undefined;
  readonly proxy: ProxyChoice | ProxyFunction;
  readonly clock: Clock;
}

/**
 * A stream to the server that is ready to be written to. Rejects with `HandshakeError`, or with the
 * signal's reason, and leaves nothing behind then. Its errors are ignored until `take`.
 */
export async function dial(
  destination: Destination,
  dialling: Dialling,
  alpn: readonly string[],
  signal: AbortSignal,
): Promise<Duplex> {
  const proxy = await chooseProxy(dialling.proxy, destination, signal);
  if (proxy !== undefined) return dialThrough(proxy, destination, dialling, alpn, signal);
  const { hostname, port, socketPath, isSecure } = destination;
  const target: DialTarget = { hostname, port, socketPath, signal };
  try {
    if (isSecure && dialling.dialTls !== undefined) return await dialHook(dialling.dialTls, target);
    const duplex = await dialTcp(target, dialling);
    return isSecure ? await secure(duplex, hostname, dialling.tls, alpn, signal) : duplex;
  } catch (error) {
    throw failure('ERR_WS_NETWORK', error, signal);
  }
}

async function chooseProxy(
  choice: ProxyChoice | ProxyFunction,
  destination: Destination,
  signal: AbortSignal,
): Promise<Proxy | undefined> {
  if (destination.socketPath !== undefined) return undefined;
  const chosen =
    typeof choice === 'function'
      ? await unlessAborted(Promise.resolve(choice(new URL(destination.url))), signal)
      : choice;
  return resolveProxy(chosen, destination);
}

async function dialThrough(
  proxy: Proxy,
  destination: Destination,
  dialling: Dialling,
  alpn: readonly string[],
  signal: AbortSignal,
): Promise<Duplex> {
  const { hostname, port } = proxy;
  const target: DialTarget = { hostname, port, socketPath: undefined, signal };
  let duplex: Duplex | undefined;
  try {
    duplex = await dialTcp(target, dialling);
    if (proxy.kind === 'https') {
      duplex = await secure(duplex, hostname, proxy.tls, ['http/1.1'], signal);
    }
    await openTunnel(duplex, proxy, destination, signal, dialling.clock);
  } catch (error) {
    duplex?.destroy();
    throw failure('ERR_WS_PROXY', error, signal, proxy.url);
  }
  if (!destination.isSecure) return duplex;
  try {
    return await secure(duplex, destination.hostname, dialling.tls, alpn, signal);
  } catch (error) {
    throw failure('ERR_WS_NETWORK', error, signal);
  }
}

function dialTcp(target: DialTarget, { dial: hook, tcp }: Dialling): Promise<Duplex> {
  if (hook !== undefined) return dialHook(hook, target);
  const { hostname, port, socketPath, signal } = target;
  const socket = net.connect(
    socketPath === undefined ? { ...tcp, host: hostname, port } : { path: socketPath },
  );
  return ready(socket, signal);
}

async function dialHook(hook: Dial, target: DialTarget): Promise<Duplex> {
  const { signal } = target;
  const dialling = Promise.resolve(hook(target));
  const duplex = await unlessAborted(dialling, signal, (late) => late.destroy());
  if (!(duplex instanceof Duplex)) throw invalidArgument('what was dialled is not a Duplex');
  return ready(duplex, signal);
}

/** TLS on a stream that is connected. */
function secure(
  duplex: Duplex,
  hostname: string,
  options: tls.ConnectionOptions,
  alpn: readonly string[],
  signal: AbortSignal,
): Promise<Duplex> {
  const socket = tls.connect({
    // RFC 6066 §3: a server name is a name, not an address.
    ...(net.isIP(hostname) === 0 && { servername: hostname }),
    ALPNProtocols: [...alpn],
    ...options,
    socket: duplex,
  });
  // What is below goes with it, in whatever order they notice.
  socket.once('close', () => duplex.destroy());
  return ready(socket, signal);
}

/** A stream that was given, as `dial` gives one. */
export async function dialled(duplex: Duplex, signal: AbortSignal): Promise<Duplex> {
  try {
    return await ready(duplex, signal);
  } catch (error) {
    throw failure('ERR_WS_NETWORK', error, signal);
  }
}

/**
 * Resolves when the stream can carry the handshake: for TLS, when the certificate was accepted. It is
 * destroyed when it rejects, with its error or the signal's reason.
 */
function ready(duplex: Duplex, signal: AbortSignal): Promise<Duplex> {
  duplex.on('error', ignore);
  const event = pendingEvent(duplex);
  if (event === undefined) return Promise.resolve(duplex);
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      listener[Symbol.dispose]();
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
    const listener = addAbortListener(signal, () => onFailed(signal.reason));
    duplex.on(event, onReady).on('error', onFailed).on('close', onFailed);
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

/** Which hop failed, and why. What the signal says is told untouched. */
function failure(
  code: 'ERR_WS_NETWORK' | 'ERR_WS_PROXY',
  error: unknown,
  signal: AbortSignal,
  proxy?: string,
): unknown {
  const isTold = error instanceof HandshakeError || (signal.aborted && error === signal.reason);
  if (isTold || isInvalid(error)) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new HandshakeError(code, detail, { cause: error, proxy });
}

/** A mistake of the caller, such as a hook that dials nothing. */
function isInvalid(error: unknown): boolean {
  return error instanceof TypeError && 'code' in error && error.code === 'ERR_WS_INVALID_ARGUMENT';
}
