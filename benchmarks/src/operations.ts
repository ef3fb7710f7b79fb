/** What the processes of a run ask each other for, over the IPC channel that Node gives a child. */

/** How a server uses permessage-deflate; what is undefined is left to the library. */
export interface DeflateSettings {
  readonly serverNoContextTakeover?: boolean | undefined;
  readonly clientNoContextTakeover?: boolean | undefined;
  /** zlib's effort. */
  readonly level?: number | undefined;
}

/** Threshold of all servers: every message is compressed, so that all do the same. */
export const COMPRESS_ALL = 0;

/**
 * What a server does with a message: send it back, or send it to all connections but the one it came
 * from.
 */
export type Task = 'echo' | 'broadcast';

export interface ServerSettings {
  readonly task: Task;
  /** How the application uses its library; each server knows its own. */
  readonly style: string;
  readonly deflate: DeflateSettings | undefined;
  /** With it the server speaks TLS. */
  readonly certificate?: Certificate | undefined;
}

/** Both in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Microseconds a process has worked so far, all of its threads together. */
export interface Usage {
  readonly user: number;
  readonly system: number;
}

/** Octets. */
export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  /** Outside V8's heap, buffers included, as far as V8 has been told of it. */
  readonly external: number;
}

export interface ServerOperations {
  /** Begins to serve on a port of 127.0.0.1. */
  start(settings: ServerSettings): Promise<number>;
  usage(): Usage;
  /** What is in use once everything else has been collected. */
  memory(): Promise<Memory>;
  /** Sockets that are open. */
  sockets(): Promise<number>;
}

export type Kind = 'binary' | 'ascii' | 'chinese' | 'json';

export interface ClientDeflate {
  /** Sec-WebSocket-Extensions of the client. */
  readonly offer: string;
  /** The client's messages refer to those before them. */
  readonly keepsContext: boolean;
  readonly level: number;
}

/** What messages say. */
export interface Content {
  readonly kind: Kind;
  /** Octets of a message. */
  readonly size: number;
  /**
   * Messages that are on their way at the same time: of each connection, or of the one that sends
   * what is broadcast.
   */
  readonly window: number;
}

export interface Messaging extends Content {
  /** `round-trips` is an echo whose messages are timed one by one. */
  readonly pattern: 'echo' | 'round-trips' | 'broadcast';
  readonly deflate: ClientDeflate | undefined;
}

/** Connections that open and close, and do nothing else. */
export interface Handshakes {
  readonly pattern: 'handshakes';
  /** So many at the same time. */
  readonly window: number;
}

export type Workload = Messaging | Handshakes;

export interface Target {
  readonly port: number;
  /** Those that receive, where one more broadcasts; of no meaning for handshakes. */
  readonly connections: number;
  /** The server echoes octets and knows nothing of WebSocket. */
  readonly raw: boolean;
}

/** What one connection of a kind was answered with. */
export interface Opened {
  readonly extensions: string;
}

export interface Sample {
  /** Messages that arrived, or handshakes that were made. */
  readonly messages: number;
  /** How many of them were compared with what was sent. */
  readonly verified: number;
  /** Octets of the frames that arrived, heads included. */
  readonly octets: number;
  readonly milliseconds: number;
  /** What the load generator itself took. */
  readonly usage: Usage;
  /** Of `round-trips`. */
  readonly roundTrips?: RoundTrips;
}

/** Percentiles, in microseconds. */
export interface RoundTrips {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** It takes longer when it takes longer to receive so many messages. */
export interface Extent {
  readonly milliseconds: number;
  readonly messages: number;
}

export interface LoadOperations {
  /** Builds the messages; all that is opened afterwards sends these. */
  prepare(workload: Workload): Promise<void>;
  /** Opens further connections beside those that are open. */
  open(target: Target): Promise<Opened>;
  /** Keeps the window full for some time, then waits until all has come back. */
  run(extent: Extent): Promise<Sample>;
  /** Sends one message on each connection that has not sent any, and waits until they are back. */
  exchange(): Promise<Sample>;
  /** Ends all connections. */
  close(): void;
}

export interface ClientSettings extends Content {
  readonly port: number;
  readonly connections: number;
  readonly route?: Route | undefined;
}

/** Whether HTTP/2 is spoken, and TLS: then with whom, by the certificate in PEM. */
export interface Route {
  readonly http2: boolean;
  readonly ca: string | undefined;
}

/** A client is load and what is measured at once. */
export interface ClientOperations {
  /** Opens further connections beside those that are open. */
  open(settings: ClientSettings): Promise<void>;
  /** As the load's; `usage` is what the client took. */
  run(extent: Extent): Promise<Sample>;
  /** Opens and closes connections beside those that are open, so many at a time. */
  turnOver(extent: Extent & { readonly atOnce: number }): Promise<Sample>;
  /** Sends one message on each connection that has not sent any, and waits until they are back. */
  exchange(): Promise<Sample>;
  memory(): Promise<Memory>;
  /** Ends all connections, and resolves when they are gone. */
  close(): Promise<void>;
}
