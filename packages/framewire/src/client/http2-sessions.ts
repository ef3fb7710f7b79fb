/** Which HTTP/2 session a WebSocket goes over: those that are open are shared by all of the process. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../connection/clock.ts';
import { deferred } from '../connection/deferred.ts';
import { HandshakeError } from '../errors.ts';
import type { AskOptions } from './answer.ts';
import { unlessExpired } from './deadline.ts';
import { dial, speaksHttp2, type Way } from './dial.ts';
import { Http2Session } from './http2-session.ts';
import { isSameWay } from './same-way.ts';
import { originOf, type Destination } from './url.ts';

/** A session with a place that is reserved; or, where there is none to be had, perhaps a transport. */
export type Route =
  | { readonly kind: 'http2'; readonly session: Http2Session }
  | { readonly kind: 'http1'; readonly duplex: Duplex | undefined };

/** Sessions to one server that are reached in the same way. */
interface Group {
  readonly key: string;
  readonly way: Way;
  readonly sessions: Set<Http2Session>;
  /** Somebody dials; never rejects. */
  pending: Promise<Outcome> | undefined;
}

/** What becomes of those who wait for somebody who dials: they share, do without, fail alike, or try. */
type Outcome = Route['kind'] | 'abandoned' | { readonly error: unknown };

const groups = new Set<Group>();

/**
 * A server that, reached in this way, has HTTP/2 and no WebSockets over it, as most have. Another way
 * may lead to another server, and one clock knows nothing of the time on another.
 */
interface Belief {
  readonly key: string;
  readonly way: Way;
  readonly clock: Clock;
  /** When it ends, on that clock. */
  readonly until: number;
}

const beliefs = new Set<Belief>();

/** Milliseconds. */
const BELIEVED = 5 * 60_000;

/** The oldest gives way to one more. */
const MOST_BELIEVED = 1000;

const OVER_HTTP1: Route = { kind: 'http1', duplex: undefined };

/**
 * A way to the server, over HTTP/2 where it has WebSockets there. Where it has not, over HTTP/1.1, or
 * if HTTP/2 is `required`, a `HandshakeError` with ERR_WS_HTTP2. Rejects as `dial` does.
 */
export async function findRoute(
  destination: Destination,
  way: Way,
  required: boolean,
  options: AskOptions,
): Promise<Route> {
  const key = `${originOf(destination)} ${destination.socketPath ?? ''}`;
  for (;;) {
    const group = groupOf(key, way);
    for (const session of group.sessions) {
      if (!session.hasRoom) continue;
      session.reserve();
      return { kind: 'http2', session };
    }
    if (!required && isBelieved(key, way, options.clock)) return OVER_HTTP1;
    if (group.pending === undefined) return await dialFor(group, destination, required, options);
    const outcome = await unlessExpired(group.pending, options.deadline);
    // Whoever requires HTTP/2 offers nothing else, and may get it where another has not.
    if (!required && isWithoutHttp2(outcome)) return OVER_HTTP1;
    if (typeof outcome === 'object') throw likewise(outcome.error);
  }
}

/** Also what was required in vain: whoever does not require it does without. */
function isWithoutHttp2(outcome: Outcome): boolean {
  if (typeof outcome !== 'object') return outcome === 'http1';
  return outcome.error instanceof HandshakeError && outcome.error.code === 'ERR_WS_HTTP2';
}

/** An error of one's own for each who waited: its URL is. */
function likewise(error: unknown): unknown {
  if (!(error instanceof HandshakeError)) return error;
  const { code, cause, proxy, socksReply, status, headers, body, message } = error;
  const details = { cause, proxy, socksReply, status, headers, body };
  return Object.assign(new HandshakeError(code, '', details), { message });
}

async function dialFor(
  group: Group,
  destination: Destination,
  required: boolean,
  options: AskOptions,
): Promise<Route> {
  const { promise, resolve } = deferred<Outcome>();
  group.pending = promise;
  groups.add(group);
  let outcome: Outcome = 'abandoned';
  try {
    const route = await dialRoute(group, destination, required, options);
    if (route.kind === 'http2') adopt(group, route.session);
    outcome = route.kind;
    return route;
  } catch (error) {
    // Whoever gives up does so for itself alone.
    if (!options.deadline.hasExpiredWith(error)) outcome = { error };
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
  group: Group,
  destination: Destination,
  required: boolean,
  options: AskOptions,
): Promise<Route> {
  const alpn = required ? ['h2'] : ['h2', 'http/1.1'];
  try {
    const duplex = await dial(destination, group.way, alpn, options);
    // RFC 9113 §3.3: without TLS it is prior knowledge.
    if (destination.isSecure && !speaksHttp2(duplex)) {
      if (!required) return { kind: 'http1', duplex };
      duplex.destroy();
      throw new HandshakeError('ERR_WS_HTTP2', 'it does not choose h2 (ALPN)');
    }
    const session = await Http2Session.open(duplex, destination, options.deadline);
    const { hasWebSockets, hasRoom } = session;
    if (hasWebSockets && hasRoom) return { kind: 'http2', session };
    session.discard();
    if (hasWebSockets) {
      throw new HandshakeError('ERR_WS_NETWORK', 'the HTTP/2 session has no room for a stream');
    }
  } catch (error) {
    throw required && isOtherProtocol(error) ? otherProtocol(error) : error;
  }
  believe(group, options.clock);
  if (!required) return OVER_HTTP1;
  const why = 'it does not announce SETTINGS_ENABLE_CONNECT_PROTOCOL';
  throw new HandshakeError('ERR_WS_HTTP2', why);
}

/** RFC 7301 §3.2 — no protocol in common; or what came, without TLS, was no HTTP/2. */
const OTHER_PROTOCOL: ReadonlySet<unknown> = new Set([
  'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
  'ERR_HTTP2_ERROR',
]);

function isOtherProtocol(error: unknown): error is HandshakeError {
  if (!(error instanceof HandshakeError)) return false;
  const { cause } = error;
  return cause instanceof Error && 'code' in cause && OTHER_PROTOCOL.has(cause.code);
}

function otherProtocol({ cause }: HandshakeError): HandshakeError {
  return new HandshakeError('ERR_WS_HTTP2', 'it does not speak HTTP/2', { cause });
}

function believe({ key, way }: Group, clock: Clock): void {
  if (isBelieved(key, way, clock)) return;
  beliefs.add({ key, way, clock, until: clock.now() + BELIEVED });
  const [oldest] = beliefs;
  if (beliefs.size > MOST_BELIEVED && oldest !== undefined) beliefs.delete(oldest);
}

function isBelieved(key: string, way: Way, clock: Clock): boolean {
  const now = clock.now();
  for (const belief of beliefs) {
    if (belief.clock !== clock) continue;
    if (now >= belief.until) beliefs.delete(belief);
    else if (belief.key === key && isSameWay(belief.way, way)) return true;
  }
  return false;
}

function groupOf(key: string, way: Way): Group {
  for (const group of groups) {
    if (group.key === key && isSameWay(group.way, way)) return group;
  }
  return { key, way, sessions: new Set(), pending: undefined };
}
