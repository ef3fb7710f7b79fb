/**
 * What the scenarios need of a WebSocket implementation, whichever it is: the library under test
 * (the subject), or somebody else's (the peer). Everything that arrives is a queue, so that nothing
 * is lost between two waits.
 */
import type { CloseInfo } from 'framewire';
import type { DeflateChoice } from './deflate.ts';
import type { EventQueue } from './event-queue.ts';

export type Role = 'client' | 'server';
export type Kind = 'text' | 'binary';

/** A message as octets, also when it is text: the scenarios compare octets. */
export interface Content {
  readonly type: Kind;
  readonly data: Uint8Array;
}

/** What an implementation can do or show; a scenario that needs more is skipped and says so. */
export type Ability =
  | 'listens'
  | 'sets headers'
  | 'sets its origin'
  | 'sees the status of a refusal'
  | 'does without a common subprotocol'
  | 'sends fragments'
  | 'reassembles fragments'
  | 'sends pings'
  | 'sees pings'
  | 'sees pongs'
  | 'has close codes'
  | 'closes without a code'
  | 'closes with 1000 only'
  | 'limits messages'
  | 'sends invalid text'
  | 'drops the transport'
  | 'can be killed'
  | 'speaks TLS'
  | 'offers compression'
  | 'compresses'
  | 'keeps a context'
  | 'asks for deflate parameters'
  | 'takes deflate parameters'
  | 'ignores deflate parameters'
  | 'chooses a window of 8 bits'
  | 'can do without compression'
  | 'chooses what to compress'
  | 'compresses what gets smaller'
  | 'plays the matrix'
  | 'has a JSON codec'
  | 'refuses other origins by default'
  | 'insists on a subprotocol'
  | 'is a browser';

/** Options of one side of a connection, whether it listens or dials. */
export interface SideOptions {
  /** Sends every message back by itself instead of reporting it. */
  readonly echo?: boolean;
  readonly maxMessageSize?: number;
  /** Octets per fragment where the implementation takes that from a buffer size. */
  readonly fragmentSize?: number;
  /** Speaks through the implementation's JSON codec. */
  readonly json?: boolean;
  /** permessage-deflate. With a request every message is compressed, however small. */
  readonly deflate?: DeflateChoice;
}

export interface ListenOptions extends SideOptions {
  readonly protocols?: readonly string[];
  /** The origins to accept; all that the implementation accepts by default when absent. */
  readonly origins?: readonly string[];
  /** Refuse every opening handshake with this status. */
  readonly refuse?: number;
  /** Refuse with 403 those who do not offer this subprotocol. */
  readonly requireProtocol?: string;
  /** Listen through a server of node:http, where the implementation has such a thing. */
  readonly attach?: boolean;
  /** Paths of a PEM certificate and its key. */
  readonly certificate?: string;
  readonly key?: string;
}

export interface DialOptions extends SideOptions {
  readonly url: string;
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: string;
  /** Path of the only PEM certificate to trust. */
  readonly certificate?: string;
}

/**
 * How a message is sent where the extension is agreed on. `unforced` leaves it to the implementation,
 * also where a request has every message compressed; `prepared` is compressed, and where there is
 * such a thing encoded before, regardless of the connection.
 */
export type Manner = 'plain' | 'compressed' | 'prepared' | 'unforced';

/** How a connection ended, as seen from one side. */
export interface Closing {
  /** The code that arrived: 1005 for none, 1006 for no Close, 0 where it is not shown. */
  readonly code: number;
  readonly reason: string;
  /** What the browser's CloseEvent says. */
  readonly wasClean?: boolean;
  /** The whole story, which the library under test tells. */
  readonly info?: CloseInfo;
}

/** One side of an open connection. */
export interface Link {
  readonly protocol: string;
  /** What this side takes for agreed, as a Sec-WebSocket-Extensions; empty for nothing. */
  readonly extensions: string;
  /** The headers of the request by lower-case name; empty for a client. */
  readonly headers: ReadonlyMap<string, string>;
  readonly messages: EventQueue<Content>;
  readonly pings: EventQueue<Uint8Array>;
  readonly pongs: EventQueue<Uint8Array>;
  /** What arrived, in order. */
  readonly history: readonly ('message' | 'ping' | 'pong')[];
  readonly closed: Promise<Closing>;
  send(content: Content, manner?: Manner): Promise<void>;
  /** Sends one message in fragments, and a ping after the first. */
  sendFragments(type: Kind, parts: readonly Uint8Array[], ping: Uint8Array): Promise<void>;
  /** Sends a ping; its pong arrives in `pongs`. */
  ping(payload: Uint8Array): Promise<void>;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): Promise<void>;
  /** Drops the transport without a Close. */
  abort(): Promise<void>;
}

export interface Listener {
  readonly port: number;
  readonly accepted: EventQueue<Link>;
  /** Ends as a server does that goes away: 1001 to everyone. */
  shutdown(): Promise<void>;
}

export interface Endpoint {
  readonly name: string;
  readonly abilities: ReadonlySet<Ability>;
  listen(options: ListenOptions): Promise<Listener>;
  /** Rejects with a `Refusal` when the server answers with anything but 101. */
  dial(options: DialOptions): Promise<Link>;
  /** Ends the process it lives in, without a word to its connections. */
  kill(): Promise<void>;
  dispose(): Promise<void>;
}

/** The opening handshake failed. */
export class Refusal extends Error {
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Refusal';
    this.status = status;
  }
}
