/** Which HTTP/2 session a WebSocket goes over: those that are open are shared by all of the process. */
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { deferred } from '../connection/deferred.ts';
import { HandshakeError } from '../errors.ts';
import { unlessAborted } from './deadline.ts';
import { dial, type Dialling } from './dial.ts';
import { Http2Session } from './http2-session.ts';
import { originOf, type Destination } from './url.ts';

/** A session with a place that is reserved; or, where there is none to be had, perhaps a transport. */
export type Route =
  | { readonly kind: 'http2'; readonly session: Http2Session }
  | { readonly kind: 'http1'; readonly duplex: Duplex | undefined };

/** Sessions to one server that were dialled in the same way. */
interface Group {
  readonly key: string;
  readonly dialling: Dialling;
  readonly sessions: Set<Http2Session>;
  /** Somebody dials; never rejects. */
  pending: Promise<Outcome> | undefined;
}

/** What becomes of those who wait for somebody who dials: they share, do without, fail alike, or try. */
type Outcome = Route['kind'] | 'abandoned' | { readonly error: unknown };

const groups = new Set<Group>();

/**
 * A way to the server, over HTTP/2 where it has WebSockets there. Where it has not, over HTTP/1.1, or
 * if HTTP/2 is `required`, a `HandshakeError` with ERR_WS_HTTP2. Rejects as `dial` does.
 */
export async function findRoute(
  destination: Destination,
  dialling: Dialling,
  required: boolean,
  signal: AbortSignal,
): Promise<Route> {
  const group = groupOf(destination, dialling);
  for (;;) {
    for (const session of group.sessions) {
      if (!session.hasRoom) continue;
      session.reserve();
      return { kind: 'http2', session };
    }
    if (group.pending === undefined) return await dialFor(group, destination, required, signal);
    const outcome = await unlessAborted(group.pending, signal);
    if (outcome === 'http1') return { kind: 'http1', duplex: undefined };
    if (typeof outcome === 'object') throw outcome.error;
  }
}

async function dialFor(
  group: Group,
  destination: Destination,
  required: boolean,
  signal: AbortSignal,
): Promise<Route> {
  const { promise, resolve } = deferred<Outcome>();
  group.pending = promise;
  groups.add(group);
  let outcome: Outcome = 'abandoned';
  try {
    const route = await dialRoute(destination, group.dialling, required, signal);
    if (route.kind === 'http2') adopt(group, route.session);
    outcome = route.kind;
    return route;
  } catch (error) {
    // Whoever gives up does so for itself alone.
    if (!signal.aborted) outcome = { error };
    throw error;
  } finally {
    group.pending = undefined;
    if (group.sessions.size === 0) groups.delete(group);
    resolve(outcome);
  }
}

function adopt(group: Group, session: Http2Session): void {
  session.reserve();
  group.sessions.add(session);
  session.onClose(() => {
    group.sessions.delete(session);
    if (group.sessions.size === 0 && group.pending === undefined) groups.delete(group);
  });
}

async function dialRoute(
  destination: Destination,
  dialling: Dialling,
  required: boolean,
  signal: AbortSignal,
): Promise<Route> {
  const alpn = required ? ['h2'] : ['h2', 'http/1.1'];
  const duplex = await dial(destination, dialling, alpn, signal);
  // RFC 9113 §3.3: without TLS it is prior knowledge.
  if (destination.isSecure && !speaksHttp2(duplex)) {
    if (!required) return { kind: 'http1', duplex };
    duplex.destroy();
    throw new HandshakeError('ERR_WS_HTTP2', 'it does not choose h2 (ALPN)');
  }
  const session = await Http2Session.open(duplex, destination, signal);
  if (session.hasWebSockets && session.hasRoom) return { kind: 'http2', session };
  const why = session.hasWebSockets
    ? 'it allows no streams'
    : 'it does not announce SETTINGS_ENABLE_CONNECT_PROTOCOL';
  session.drain();
  if (required) throw new HandshakeError('ERR_WS_HTTP2', why);
  return { kind: 'http1', duplex: undefined };
}

function speaksHttp2(duplex: Duplex): boolean {
  return duplex instanceof TLSSocket && duplex.alpnProtocol === 'h2';
}

/** Sessions are shared by those who would dial the same place in the same way only. */
function groupOf(destination: Destination, dialling: Dialling): Group {
  const key = `${originOf(destination)} ${destination.socketPath ?? ''}`;
  for (const group of groups) {
    if (group.key === key && isSameDialling(group.dialling, dialling)) return group;
  }
  return { key, dialling, sessions: new Set(), pending: undefined };
}

function isSameDialling(one: Dialling, other: Dialling): boolean {
  return (
    one.dial === other.dial &&
    one.dialTls === other.dialTls &&
    isSame(one.tcp, other.tcp) &&
    isSame(one.tls, other.tls) &&
    isSame(one.proxy, other.proxy)
  );
}

/** The same value, or objects with the same values: certificates are not compared any deeper. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!isPlain(one) || !isPlain(other)) return false;
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => Object.hasOwn(other, name) && one[name] === other[name]);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}
