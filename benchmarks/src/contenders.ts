/** Who is measured: a server program, and how its application uses it. */

export interface Contender {
  readonly title: string;
  /** In `servers/`. */
  readonly program: string;
  readonly style: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Octets come back as they are: no handshake, no compression. */
  readonly raw?: boolean;
}

export type ContenderName =
  | 'ws'
  | 'ws-corked'
  | 'ws-string'
  | 'ws-pure'
  | 'framewire'
  | 'framewire-loop'
  | 'framewire-documented'
  | 'net';

/** What all others are compared with. */
export const REFERENCE: ContenderName = 'ws';

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
  'framewire-documented': {
    title: "framewire with nothing but Node's documented zlib (FRAMEWIRE_DOCUMENTED_API=1)",
    program: 'framewire',
    style: 'handler',
    env: { FRAMEWIRE_DOCUMENTED_API: '1' },
  },
  net: {
    title: 'a bare socket, no WebSocket',
    program: 'net',
    style: '',
    raw: true,
  },
};

export function contenderNamed(name: string): ContenderName {
  if (!Object.hasOwn(CONTENDERS, name)) throw new RangeError(`no contender is called "${name}"`);
  return name as ContenderName;
}
