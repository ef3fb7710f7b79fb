/** The private side: connections to the relay that are kept up, and what the world asks over them. */
import type http from 'node:http';
import {
  HandshakeError,
  reconnecting,
  systemClock,
  type Clock,
  type Connection,
  type ConnectionEnd,
  type ReconnectingOptions,
} from 'framewire';
import { invalidArgument, TunnelError } from '../errors.ts';
import { attempt, tell } from '../tell.ts';
import { MuxSession } from '../mux/session.ts';
import {
  MAX_MESSAGE_SIZE,
  MUX_PROTOCOL,
  URLS_HEADER,
  type LivenessOptions,
} from '../registration.ts';
import { DEFAULT_FORWARD_LIMITS } from '../http/forward.ts';
import { headersOf, registerUrl, toError } from './agent-handshake.ts';
import { createForwardingServer } from './forwarding-server.ts';
import { createHandlerServer } from './handler-server.ts';
import { guarded, type Onlooker } from './onlooker.ts';
import { serveStream, type StreamServing } from './serve-stream.ts';
import { compileRules, type TargetRules } from './target-rules.ts';
import {
  parseTarget,
  type AddressTarget,
  type DialTargetOptions,
  type TargetOption,
} from './target.ts';

/** Options of framewire's `connect` that say how the relay is dialled. */
export type RelayDialOptions = Pick<
  ReconnectingOptions,
  'agent' | 'dial' | 'dialTls' | 'handshakeTimeout' | 'httpVersion' | 'proxy' | 'tcp' | 'tls'
>;

export interface TunnelOptions extends DialTargetOptions, LivenessOptions {
  /**
   * What is exposed: `http://localhost:3000`, `https:`, `unix:/run/app.sock`, `tcp://localhost:5432`,
   * a port alone, or a function from `Request` to `Response`.
   */
  readonly target: TargetOption;
  /** The name, or names, to be reached by; with tokens, one that the token allows. */
  readonly name: string | readonly string[];
  /** Shown to the relay; a function is asked for each connection. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Nobody else may serve the name meanwhile; one who does already is a refusal. Default false. */
  readonly exclusive?: boolean | undefined;
  /**
   * The Host that the target is told: that of the caller (`'preserve'`, the default), that of the target
   * (`'target'`), or another one.
   */
  readonly host?: string | undefined;
  /** Connections to the relay: one may break, or drain, without anybody noticing. Default 2. */
  readonly connections?: number | undefined;
  /** Requests, and other streams, at a time on each connection. Default 1 000. */
  readonly maxStreams?: number | undefined;
  /** Milliseconds for the target to take a connection. Default 10 000. */
  readonly connectTimeout?: number | undefined;
  /** What callers may ask of the target. Requests are read then, and written anew. Default: all. */
  readonly rules?: TargetRules | undefined;
  /** Shown each request and its answer, such as an inspector. Requests are read then. */
  readonly onlooker?: Onlooker | undefined;
  /**
   * How the relay is dialled: through a proxy, with certificates and so on. Its opening handshake may
   * take 10 000 milliseconds by default.
   */
  readonly relay?: RelayDialOptions | undefined;
  /** How long to wait between attempts, as for framewire's `reconnecting`. */
  readonly backoff?: Pick<ReconnectingOptions, 'minDelay' | 'maxDelay' | 'stableTime'> | undefined;
  /** Ends the tunnel; streams that are open break off. */
  readonly signal?: AbortSignal | undefined;
  /** Told of changes: see `TunnelStatus`. */
  readonly onStatus?: ((status: TunnelStatus, end: ConnectionEnd | undefined) => void) | undefined;
  /** Told when the target could not be reached; the callers have got a 502, or a 504. */
  readonly onTargetError?: ((error: TunnelError) => void) | undefined;
  readonly clock?: Clock | undefined;
}

/** `online` while at least one connection is there. */
export type TunnelStatus = 'connecting' | 'online' | 'reconnecting' | 'closed';

export interface Tunnel {
  /** Where the world reaches it, as the relay says. */
  readonly urls: readonly URL[];
  readonly status: TunnelStatus;
  /** Streams that are open. */
  readonly streams: number;
  /** Fulfils when it has ended for good: with the error, unless `close` or the signal ended it. */
  readonly closed: Promise<Error | undefined>;
  /** Takes no more requests, waits for those that are open (at most so many milliseconds), and ends. */
  close(timeout?: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a tunnel: resolves when the first connection to the relay is there. Rejects with the error that
 * is final, such as `ERR_TUNNEL_BAD_TOKEN`; what may pass is tried again, without end.
 */
export async function openTunnel(relay: string | URL, options: TunnelOptions): Promise<Tunnel> {
  const tunnel = new RunningTunnel(relay, options);
  await tunnel.online;
  return tunnel;
}

/** Milliseconds that `close` waits for what is open. */
const CLOSE_TIMEOUT = 30_000;

class RunningTunnel implements Tunnel {
  urls: readonly URL[] = [];
  status: TunnelStatus = 'connecting';
  readonly online: Promise<void>;
  readonly closed: Promise<Error | undefined>;
  readonly #url: URL;
  readonly #options: TunnelOptions;
  readonly #headers: () => Promise<Record<string, string>>;
  readonly #serving: StreamServing;
  readonly #sessions = new Set<MuxSession>();
  /** Those of a relay that drains. */
  readonly #retiring = new WeakSet<MuxSession>();
  readonly #stop = new AbortController();
  #slots = 0;
  #isClosing = false;
  /** Of the function that has the token, when it was asked last. */
  #tokenError: Error | undefined;
  #wasOnline = false;
  #goOnline!: () => void;
  #failOnline!: (error: unknown) => void;
  #end!: (error: Error | undefined) => void;

  constructor(relay: string | URL, options: TunnelOptions) {
    const { connections = 2, signal } = options;
    if (!Number.isInteger(connections) || connections < 1 || connections > 16) {
      throw invalidArgument(`connections must be 1 to 16, got ${connections}`);
    }
    this.#url = registerUrl(relay);
    this.#options = options;
    this.#headers = headersOf(options);
    this.#serving = servingOf(options);
    this.online = new Promise((resolve, reject) => {
      this.#goOnline = resolve;
      this.#failOnline = reject;
    });
    this.closed = new Promise((resolve) => (this.#end = resolve));
    signal?.throwIfAborted();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    for (let slot = 0; slot < connections; slot++) this.#keepUp();
  }

  get streams(): number {
    let streams = 0;
    for (const session of this.#sessions) streams += session.streams;
    return streams;
  }

  async close(timeout: number = CLOSE_TIMEOUT): Promise<void> {
    this.#isClosing = true;
    for (const session of this.#sessions) session.goAway();
    const drained = Promise.all([...this.#sessions].map((session) => session.drained));
    await Promise.race([drained, this.#delay(timeout)]);
    this.#finish(undefined);
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** One connection, and another when it is lost, until the tunnel ends. */
  #keepUp(replaced?: MuxSession): void {
    this.#slots++;
    this.#run(replaced).then(
      () => this.#slotEnded(undefined),
      (error: unknown) => this.#slotEnded(error),
    );
  }

  async #run(replaced: MuxSession | undefined): Promise<void> {
    const { relay, backoff, clock } = this.#options;
    const connections = reconnecting(this.#url, {
      handshakeTimeout: 10_000,
      ...relay,
      ...backoff,
      clock,
      protocols: MUX_PROTOCOL,
      headers: () => this.#headersWithToken(),
      // The session has pings of its own, which go both ways and find a process that hangs too.
      heartbeat: false,
      maxMessageSize: MAX_MESSAGE_SIZE,
      perMessageDeflate: false,
      signal: this.#stop.signal,
      isFinal: (end) => this.#isFinal(end),
      onEnd: (end) => this.#tell('reconnecting', end),
    });
    for await (const connection of connections) {
      const session = this.#open(connection);
      if (replaced !== undefined) void retire(replaced);
      await session.closed;
      this.#sessions.delete(session);
      // Another has taken its place, or is about to.
      if (this.#retiring.has(session)) return;
    }
  }

  #open(connection: Connection<undefined>): MuxSession {
    const { maxStreams, clock, pingInterval, pingTimeout } = this.#options;
    const session = new MuxSession(connection, {
      role: 'client',
      maxStreams,
      pingInterval,
      pingTimeout,
      clock,
      onStream: (stream) => serveStream(stream, this.#serving),
      // Make before break: the relay is about to end, and asks for streams until this side says so.
      onGoAway: () => {
        if (this.#isClosing) return;
        this.#retiring.add(session);
        this.#keepUp(session);
      },
    });
    this.#sessions.add(session);
    this.#opened(connection);
    if (this.#isClosing) session.goAway();
    return session;
  }

  #opened(connection: Connection<undefined>): void {
    const urls = connection.responseHeaders?.get(URLS_HEADER.toLowerCase()) ?? '';
    this.urls = urls
      .split(',')
      .map((url) => url.trim())
      .filter((url) => URL.canParse(url))
      .map((url) => new URL(url));
    this.#wasOnline = true;
    this.#tell('online', undefined);
    this.#goOnline();
  }

  #tell(status: TunnelStatus, end: ConnectionEnd | undefined): void {
    // Of several connections one is enough.
    const isUp = status === 'reconnecting' && this.#sessions.size > 0;
    this.status = isUp ? 'online' : status;
    attempt(() => this.#options.onStatus?.(this.status, end));
  }

  #slotEnded(error: unknown): void {
    this.#slots--;
    if (error !== undefined && !this.#stop.signal.aborted) this.#finish(toError(error));
    else if (this.#slots === 0) this.#finish(undefined);
  }

  readonly #onAbort = (): void => {
    this.#finish(undefined, this.#options.signal?.reason);
  };

  /** Who waits for the first connection is told the reason, who waits for the end only of errors. */
  #finish(error: Error | undefined, reason: unknown = error): void {
    if (this.status === 'closed') return;
    this.status = 'closed';
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#stop.abort();
    for (const session of this.#sessions) session.close();
    this.#serving.server?.closeAllConnections();
    // It listens nowhere; what it keeps for its target goes with it.
    this.#serving.server?.close();
    this.online.catch(() => {});
    this.#failOnline(reason ?? new TunnelError('ERR_TUNNEL_SESSION_CLOSED', 'it was closed'));
    attempt(() => this.#options.onStatus?.('closed', undefined));
    this.#end(error);
  }

  /**
   * Who held the names before has them taken by itself, until the relay notices that it is gone. A token
   * that there is none of is not waited for, unless there was one before.
   */
  #isFinal({ error }: ConnectionEnd): boolean | undefined {
    if (this.#tokenError !== undefined) return !this.#wasOnline;
    const isTaken = HandshakeError.isInstance(error) && error.status === 409;
    return isTaken && this.#wasOnline ? false : undefined;
  }

  async #headersWithToken(): Promise<Record<string, string>> {
    this.#tokenError = undefined;
    try {
      return await this.#headers();
    } catch (error) {
      this.#tokenError = toError(error);
      throw error;
    }
  }

  #delay(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const { clock = systemClock } = this.#options;
      const timer = clock.setTimer(milliseconds, resolve);
      // Somebody waits for it.
      timer.ref?.();
      void this.closed.then(() => timer.cancel());
    });
  }
}

/** Its place is taken: the relay asks it for no more, and it ends with its last stream. */
async function retire(session: MuxSession): Promise<void> {
  session.goAway();
  await session.drained;
  session.close();
}

function servingOf(options: TunnelOptions): StreamServing {
  const target = parseTarget(options.target);
  const { tls, allowLinkLocal, connectTimeout = 10_000, onTargetError } = options;
  const dialling: DialTargetOptions = { tls, allowLinkLocal };
  const rest = {
    dialling,
    connectTimeout,
    onTargetError: (error: TunnelError) => tell(onTargetError, error),
  };
  const onlooker = options.onlooker && guarded(options.onlooker);
  if (target.kind === 'handler') {
    const server = createHandlerServer(target.handler, onlooker, options.clock);
    return { server, target: undefined, ...rest };
  }
  return { server: readingServer(target, dialling, { ...options, onlooker }), target, ...rest };
}

/** Where nobody wants to know what is passed on, octets go as they are. */
function readingServer(
  target: AddressTarget,
  dialling: DialTargetOptions,
  { rules, onlooker, connectTimeout, clock }: TunnelOptions,
): http.Server | undefined {
  if (rules === undefined && onlooker === undefined) return undefined;
  if (target.kind !== 'http') throw invalidArgument('only HTTP has rules, and can be looked at');
  const limits = {
    ...DEFAULT_FORWARD_LIMITS,
    ...(connectTimeout !== undefined && { connectTimeout }),
  };
  const isAllowed = compileRules(rules ?? {});
  const isStrict = rules !== undefined;
  return createForwardingServer({
    target,
    dialling,
    limits,
    isAllowed,
    isStrict,
    onlooker,
    clock,
  });
}
