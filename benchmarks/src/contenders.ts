/** Who is measured: a library, and how its application uses it. */
import type { TunnelStyle } from './tunnel/operations.ts';

export interface Contender {
  readonly title: string;
  /** In `servers/`, and in `clients/` where it is one too. */
  readonly program: string;
  readonly style: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Octets come back as they are: no handshake, no compression. */
  readonly raw?: boolean;
  /** There is no server of it. */
  readonly isClient?: boolean;
  /** It is both ends at once, and this is how they are connected. */
  readonly link?: Link;
  /** It is a relay and an agent, which work together so. */
  readonly tunnel?: TunnelStyle;
  /** It is nobody's server: only scenarios of tunnels know how to reach it. */
  readonly isWay?: boolean;
}

export interface Link {
  /** One session for all connections, in place of a TCP connection for each. */
  readonly http2: boolean;
  readonly tls: boolean;
  /** Whom it is compared with: without TLS or with it, a TCP connection for each. */
  readonly reference: ContenderName;
}

export type ContenderName =
  | 'ws'
  | 'ws-corked'
  | 'ws-string'
  | 'ws-pure'
  | 'framewire'
  | 'framewire-loop'
  | 'framewire-borrowing'
  | 'framewire-attached'
  | 'framewire-documented'
  | 'framewire-tcp'
  | 'framewire-http2'
  | 'framewire-tcp-tls'
  | 'framewire-http2-tls'
  | 'gorilla'
  | 'undici'
  | 'net'
  | 'direct'
  | 'tunnel'
  | 'tunnel-reading'
  | 'tunnel-wsp'
  | 'tunnel-per-request';

/** What all others are compared with. */
export const REFERENCE: ContenderName = 'ws';

/** The same for latency, most of which is the system's: what WebSocket adds to that. */
export const LATENCY_REFERENCE: ContenderName = 'net';

/** What tunnels are compared with: asking the target itself, and of their own cost the older protocol. */
export const WAY_REFERENCE: ContenderName = 'direct';
export const TUNNEL_REFERENCE: ContenderName = 'tunnel-wsp';

export const CONTENDERS: Readonly<Record<ContenderName, Contender>> = {
  ws: {
    title: 'ws with bufferutil',
    program: 'ws',
    style: 'plain',
  },
  'ws-corked': {
    title: 'ws with bufferutil, the socket corked by hand',
    program: 'ws',
    style: 'corked',
  },
  'ws-string': {
    title: 'ws with bufferutil, text taken as a string',
    program: 'ws',
    style: 'string',
  },
  'ws-pure': {
    title: 'ws without native modules',
    program: 'ws',
    style: 'plain',
    env: { WS_NO_BUFFER_UTIL: '1', WS_NO_UTF_8_VALIDATE: '1' },
  },
  framewire: {
    title: 'framewire with a handler',
    program: 'framewire',
    style: 'handler',
  },
  'framewire-loop': {
    title: 'framewire with `for await`',
    program: 'framewire',
    style: 'loop',
  },
  'framewire-borrowing': {
    title: 'framewire with a handler that borrows its messages',
    program: 'framewire',
    style: 'borrowing',
  },
  'framewire-attached': {
    title: 'framewire with a handler, attached to an http.Server',
    program: 'framewire',
    style: 'attached',
  },
  'framewire-documented': {
    title: "framewire with nothing but Node's documented zlib (FRAMEWIRE_DOCUMENTED_API=1)",
    program: 'framewire',
    style: 'handler',
    env: { FRAMEWIRE_DOCUMENTED_API: '1' },
  },
  'framewire-tcp': {
    title: 'framewire at both ends, a TCP connection for each WebSocket',
    program: 'framewire',
    style: 'attached',
    link: { http2: false, tls: false, reference: 'framewire-tcp' },
  },
  'framewire-http2': {
    title: 'framewire at both ends, one HTTP/2 session for all WebSockets',
    program: 'framewire',
    style: 'attached-http2',
    link: { http2: true, tls: false, reference: 'framewire-tcp' },
  },
  'framewire-tcp-tls': {
    title: 'framewire at both ends, a TCP connection with TLS for each WebSocket',
    program: 'framewire',
    style: 'attached',
    link: { http2: false, tls: true, reference: 'framewire-tcp-tls' },
  },
  'framewire-http2-tls': {
    title: 'framewire at both ends, one HTTP/2 session with TLS for all WebSockets',
    program: 'framewire',
    style: 'attached-http2',
    link: { http2: true, tls: true, reference: 'framewire-tcp-tls' },
  },
  gorilla: {
    title: "Go's gorilla/websocket on one thread (GOMAXPROCS=1)",
    program: 'gorilla',
    style: '',
    env: { GOMAXPROCS: '1' },
  },
  undici: {
    title: "undici's WebSocket, the global one of Node.js 22 and later",
    program: 'undici',
    style: '',
    isClient: true,
  },
  net: {
    title: 'a bare socket, no WebSocket',
    program: 'net',
    style: '',
    raw: true,
  },
  direct: {
    title: 'the target itself is asked, without a tunnel',
    program: 'tunnel/target',
    style: '',
    isWay: true,
  },
  tunnel: {
    title: '@framewire/tunnel, whose agent passes octets on as they are',
    program: 'tunnel/relay',
    style: '',
    isWay: true,
    tunnel: 'native',
  },
  'tunnel-reading': {
    title: '@framewire/tunnel with rules, so that its agent reads requests',
    program: 'tunnel/relay',
    style: '',
    isWay: true,
    tunnel: 'native-reading',
  },
  'tunnel-wsp': {
    title:
      "@framewire/tunnel in wsp's protocol: WebSockets that are used again, a request at a time",
    program: 'tunnel/relay',
    style: '',
    isWay: true,
    tunnel: 'wsp',
  },
  'tunnel-per-request': {
    title: 'one WebSocket per request, in its simplest form',
    program: 'tunnel/relay',
    style: '',
    isWay: true,
    tunnel: 'per-request',
  },
};

export function referenceOf(name: ContenderName): ContenderName {
  return CONTENDERS[name].link?.reference ?? REFERENCE;
}

export function contenderNamed(name: string): ContenderName {
  if (!Object.hasOwn(CONTENDERS, name)) throw new RangeError(`no contender is called "${name}"`);
  return name as ContenderName;
}
