/**
 * A session of yamux over one WebSocket: many streams, each with credit of its own. The octets of
 * yamux are cut into binary messages wherever it suits, and may be by the other side as well.
 */
import {
  CloseCode,
  ConnectionClosedError,
  type CloseInfo,
  type Clock,
  type Connection,
  systemClock,
} from 'framewire';
import { invalidArgument, TunnelError } from '../errors.ts';
import { Budget, INITIAL_WINDOW, ReceiveWindow, type WindowSizes } from './flow-control.ts';
import { Flag, FrameType, GoAwayCode, MAX_UINT32, SESSION_ID } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { Liveness } from './liveness.ts';
import { Sender, type Source } from './sender.ts';
import { MuxStream } from './stream.ts';
import { OwnIds, UsedIds } from './stream-ids.ts';

export interface MuxSessionOptions {
  /** The client is who dialled: its streams have odd ids. */
  readonly role: 'client' | 'server';
  /** A stream the other side has opened; without this they are refused. */
  readonly onStream?: ((stream: MuxStream) => void) | undefined;
  /** The other side drains: it takes no new streams, and those that are open go on. */
  readonly onGoAway?: (() => void) | undefined;
  /**
   * Streams that may be open at a time, for each side's openings. More from the other side are reset,
   * and `open` throws. Default 1 000.
   */
  readonly maxStreams?: number | undefined;
  /** Octets a new stream may receive unread, 256 KiB at least. Default 256 KiB. */
  readonly window?: number | undefined;
  /** What the window of a stream may grow to where the network asks for it. Default 4 MiB. */
  readonly maxWindow?: number | undefined;
  /**
   * What the streams of this side may hold between them before their readers get less at a time, and
   * what their windows may grow by. Default: 32 MiB for the session alone.
   */
  readonly budget?: Budget | undefined;
  /** Milliseconds of silence after which a ping is sent. Default 15 000. */
  readonly pingInterval?: number | undefined;
  /**
   * Milliseconds after that ping within which something must come, whatever it is; otherwise the session
   * ends with `ERR_TUNNEL_PING_TIMEOUT`. Default 15 000.
   */
  readonly pingTimeout?: number | undefined;
  readonly clock?: Clock | undefined;
}

const DEFAULT_BUDGET = 32 * 1024 * 1024;

const CLOSE_CODES = {
  [GoAwayCode.normal]: CloseCode.normal,
  [GoAwayCode.protocolError]: CloseCode.protocolError,
  [GoAwayCode.internalError]: CloseCode.internalError,
} as const;

export class MuxSession {
  /** @internal */
  readonly clock: Clock;
  readonly #connection: Connection;
  readonly #onStream: ((stream: MuxStream) => void) | undefined;
  readonly #goneAway: (() => void) | undefined;
  readonly #maxStreams: number;
  readonly #sizes: WindowSizes;
  readonly #budget: Budget;
  readonly #own: OwnIds;
  readonly #used: UsedIds;
  readonly #streams = new Map<number, MuxStream>();
  /** Those of them that this side has opened. */
  #opened = 0;
  readonly #reader = new FrameReader(this);
  readonly #sender: Sender;
  readonly #liveness: Liveness;
  /** Whose payload is coming, and whether it ends with it; undefined for one that is gone. */
  #target: MuxStream | undefined;
  #targetEnds = false;
  #hasSaidGoAway = false;
  /** What the other side has opened before it heard of that has arrived: no more is taken. */
  #isClosedToStreams = false;
  #hasHeardGoAway = false;
  #isEnded = false;
  #error: TunnelError | undefined;
  #drained: (() => void) | undefined;
  /** Fulfils when this side has said GOAWAY and no stream is left, or the session has ended. */
  readonly drained: Promise<void>;
  /** Fulfils when the WebSocket is gone; with an error unless it was closed as it should. */
  readonly closed: Promise<TunnelError | undefined>;

  /** To be made before anything else is awaited: the session reads the connection from here on. */
  constructor(connection: Connection, options: MuxSessionOptions) {
    const { pingInterval = 15_000, pingTimeout = 15_000, clock = systemClock } = options;
    this.#sizes = resolveSizes(options);
    this.#maxStreams = requirePositive('maxStreams', options.maxStreams ?? 1000);
    this.#budget = options.budget ?? new Budget(DEFAULT_BUDGET);
    this.#onStream = options.onStream;
    this.#goneAway = options.onGoAway;
    this.#connection = connection;
    this.clock = clock;
    this.#own = new OwnIds(options.role === 'client' ? 1 : 2);
    this.#used = new UsedIds(options.role === 'client' ? 2 : 1);
    this.#sender = new Sender(connection);
    this.#liveness = new Liveness({
      clock,
      interval: requirePositive('pingInterval', pingInterval),
      timeout: requirePositive('pingTimeout', pingTimeout),
      send: (value) => this.#sender.control(FrameType.ping, Flag.syn, SESSION_ID, value),
      onSilence: (error) => {
        this.#end(error);
        // Who is not there takes part in no closing handshake.
        connection.terminate(error);
      },
    });
    this.drained = new Promise((resolve) => (this.#drained = resolve));
    this.closed = connection.closed.then((info) => this.#onClosed(info));
    void this.#read();
  }

  /** Streams that are not destroyed. */
  get streams(): number {
    return this.#streams.size;
  }

  /** The other side has said GOAWAY: it takes no streams any more. */
  get isDraining(): boolean {
    return this.#hasHeardGoAway;
  }

  /** @internal */
  get roundTrip(): number | undefined {
    return this.#liveness.roundTrip;
  }

  /**
   * Opens a stream, which may be written to at once. Throws `ERR_TUNNEL_SESSION_CLOSED`,
   * `ERR_TUNNEL_DRAINING` or `ERR_TUNNEL_TOO_MANY_STREAMS`.
   */
  open(): MuxStream {
    if (this.#isEnded || this.#connection.readyState !== 'open') {
      throw new TunnelError('ERR_TUNNEL_SESSION_CLOSED');
    }
    if (this.isDraining) throw new TunnelError('ERR_TUNNEL_DRAINING');
    if (this.#opened >= this.#maxStreams || this.#sender.isOverrun) {
      throw new TunnelError('ERR_TUNNEL_TOO_MANY_STREAMS');
    }
    const id = this.#own.next();
    if (id === undefined) throw new TunnelError('ERR_TUNNEL_TOO_MANY_STREAMS', 'no id is left');
    this.#opened++;
    return this.#add(id, Flag.syn);
  }

  /** Milliseconds to the other side and back. Rejects when the session ends; it may be ignored. */
  ping(): Promise<number> {
    if (this.#isEnded) {
      const late = Promise.reject<number>(new TunnelError('ERR_TUNNEL_SESSION_CLOSED'));
      late.catch(() => {});
      return late;
    }
    return this.#liveness.ping();
  }

  /**
   * Has the other side open no more streams; those there are go on, and this side may open some still.
   * What was under way before the other side knew is taken.
   */
  goAway(code: GoAwayCode = GoAwayCode.normal): void {
    if (this.#hasSaidGoAway || this.#isEnded) return;
    this.#hasSaidGoAway = true;
    this.#sender.control(FrameType.goAway, 0, SESSION_ID, code);
    // The answer comes behind all that was opened before the other side knew.
    this.#liveness.ping().then(
      () => this.#closeToStreams(),
      () => {},
    );
  }

  /** Resets all streams and closes the WebSocket: with 1000, or with 1011 for an error. */
  close(error?: TunnelError): void {
    this.#end(error, error === undefined ? GoAwayCode.normal : GoAwayCode.internalError);
  }

  /** @internal */
  onFrame(type: number, flags: number, streamId: number, length: number): boolean {
    if (type === FrameType.ping) this.#onPing(flags, length);
    else if (type === FrameType.goAway) this.#onGoAway(length);
    else this.#onStreamFrame(type, flags, streamId, length);
    return !this.#isEnded;
  }

  /** @internal */
  onPayload(octets: Uint8Array, isLast: boolean): boolean {
    const target = this.#target;
    if (target !== undefined) {
      guard(target, () => target.receive(octets));
      if (isLast && this.#targetEnds) target.receiveFin();
    }
    return !this.#isEnded;
  }

  /** @internal */
  onFault(reason: string): void {
    this.#fail('ERR_TUNNEL_FRAME', reason);
  }

  /** @internal */
  update(flags: number, streamId: number, octets: number): void {
    this.#sender.control(FrameType.windowUpdate, flags, streamId, octets);
    if (flags === 0) this.#liveness.measure();
  }

  /** @internal */
  wantsTurns(source: Source): void {
    this.#sender.add(source);
  }

  /** @internal */
  forget(stream: MuxStream): void {
    if (!this.#streams.delete(stream.id)) return;
    if (this.#own.owns(stream.id)) this.#opened--;
    if (this.#target === stream) this.#target = undefined;
    this.#checkDrained();
  }

  async #read(): Promise<void> {
    try {
      for await (const message of this.#connection) {
        if (this.#isEnded) return;
        this.#liveness.heard();
        if (typeof message === 'string') this.onFault('a text message');
        // A Buffer's views are Buffers, as streams want them.
        else this.#reader.push(Buffer.from(message.buffer, message.byteOffset, message.length));
      }
    } catch (error) {
      // What ended the connection is told by `closed`.
      if (error instanceof ConnectionClosedError) return;
      const cause = new TunnelError('ERR_TUNNEL_SESSION_CLOSED', '', { cause: error });
      this.#end(cause, GoAwayCode.internalError);
    }
  }

  #onClosed({ code, wasClean, error }: CloseInfo): TunnelError | undefined {
    const isGood = wasClean && (code === CloseCode.normal || code === CloseCode.goingAway);
    if (!this.#isEnded && !isGood) {
      this.#error = new TunnelError('ERR_TUNNEL_SESSION_CLOSED', `${code}`, { cause: error });
    }
    this.#end(this.#error);
    return this.#error;
  }

  #onPing(flags: number, value: number): void {
    if (flags === Flag.ack) this.#liveness.onAnswer(value);
    else this.#answer(FrameType.ping, Flag.ack, SESSION_ID, value);
  }

  #onGoAway(code: number): void {
    if (code !== GoAwayCode.normal) {
      const error = new TunnelError('ERR_TUNNEL_SESSION_CLOSED', `GOAWAY ${code}`);
      this.#end(error, GoAwayCode.normal);
      return;
    }
    if (this.#hasHeardGoAway) return;
    this.#hasHeardGoAway = true;
    this.#goneAway?.();
    this.#checkDrained();
  }

  /** "Opening a stream" and "Closing a stream": data or a window update, with any flags on it. */
  #onStreamFrame(type: number, flags: number, streamId: number, length: number): void {
    this.#target = undefined;
    if ((flags & Flag.syn) !== 0 && !this.#accept(streamId)) return;
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      // What was under way when a stream ended is nobody's any more.
      const ids = this.#own.owns(streamId) ? this.#own : this.#used;
      if (!ids.has(streamId)) this.onFault(`stream ${streamId} was never opened`);
      return;
    }
    if ((flags & Flag.ack) !== 0) stream.accept();
    if ((flags & Flag.rst) !== 0) {
      stream.abort(resetBy(stream));
      return;
    }
    if (type === FrameType.windowUpdate) this.#onWindowUpdate(stream, flags, length);
    else this.#onData(stream, flags, length);
  }

  #onWindowUpdate(stream: MuxStream, flags: number, octets: number): void {
    if (!stream.addCredit(octets)) {
      this.#fail('ERR_TUNNEL_FLOW_CONTROL', `a window of more than ${MAX_UINT32} octets`);
    } else if ((flags & Flag.fin) !== 0) this.#onFin(stream);
  }

  #onData(stream: MuxStream, flags: number, octets: number): void {
    if (stream.hasEnded && octets > 0) {
      this.onFault(`octets after the end of stream ${stream.id}`);
    } else if (!stream.announce(octets)) {
      this.#fail('ERR_TUNNEL_FLOW_CONTROL', `${octets} octets on stream ${stream.id}`);
    } else if (octets > 0) {
      this.#target = stream;
      this.#targetEnds = (flags & Flag.fin) !== 0;
    } else if ((flags & Flag.fin) !== 0) this.#onFin(stream);
  }

  #onFin(stream: MuxStream): void {
    if (stream.hasEnded) this.onFault(`stream ${stream.id} ends twice`);
    else stream.receiveFin();
  }

  /** A stream of the other side begins. False where the session could not go on. */
  #accept(streamId: number): boolean {
    const fault = this.#used.use(streamId);
    if (fault !== undefined) {
      this.onFault(fault);
      return false;
    }
    const isFull = this.#streams.size - this.#opened >= this.#maxStreams;
    if (this.#onStream === undefined || this.#isClosedToStreams || isFull) {
      return this.#answer(FrameType.windowUpdate, Flag.rst, streamId, 0);
    }
    const stream = this.#add(streamId, Flag.ack);
    stream.accept();
    const onStream = this.#onStream;
    guard(stream, () => onStream(stream));
    return !this.#isOverrun();
  }

  #add(id: number, flag: number): MuxStream {
    const receiving = new ReceiveWindow(this.#sizes, this.#budget, this.clock.now());
    const stream = new MuxStream(id, this, receiving);
    this.#streams.set(id, stream);
    this.#sender.control(FrameType.windowUpdate, flag, id, receiving.open());
    return stream;
  }

  /** Sends what the other side makes us say. */
  #answer(type: number, flags: number, streamId: number, length: number): boolean {
    this.#sender.control(type, flags, streamId, length);
    return !this.#isOverrun();
  }

  #isOverrun(): boolean {
    if (!this.#sender.isOverrun) return this.#isEnded;
    this.#fail('ERR_TUNNEL_FLOW_CONTROL', 'it makes us answer and does not read');
    return true;
  }

  #fail(code: 'ERR_TUNNEL_FRAME' | 'ERR_TUNNEL_FLOW_CONTROL', detail: string): void {
    this.#end(new TunnelError(code, detail), GoAwayCode.protocolError);
  }

  /** Without a code nobody is there to be told. */
  #end(error: TunnelError | undefined, code?: GoAwayCode): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#error = error;
    const ended =
      error?.code === 'ERR_TUNNEL_SESSION_CLOSED'
        ? error
        : new TunnelError('ERR_TUNNEL_SESSION_CLOSED', '', { cause: error });
    this.#liveness.stop(ended);
    // Peers take the end of a session for the end of its streams, unless they were reset before.
    for (const stream of this.#streams.values()) stream.destroy(ended);
    if (code !== undefined) {
      this.#sender.control(FrameType.goAway, 0, SESSION_ID, code);
      this.#sender.stop();
      void this.#connection.close(CLOSE_CODES[code]);
    } else this.#sender.stop();
    this.#checkDrained();
  }

  #closeToStreams(): void {
    this.#isClosedToStreams = true;
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (this.#isEnded || (this.#isClosedToStreams && this.#streams.size === 0)) this.#drained?.();
  }
}

/** Runs application code for a stream: what it throws breaks off that stream, and is not silent. */
function guard(stream: MuxStream, task: () => void): void {
  try {
    task();
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error), { cause: error });
    process.emitWarning(reason);
    stream.destroy(reason);
  }
}

function resetBy(stream: MuxStream): TunnelError {
  return new TunnelError('ERR_TUNNEL_STREAM_RESET', stream.isAccepted ? '' : 'it was not accepted');
}

function resolveSizes({ window = INITIAL_WINDOW, maxWindow }: MuxSessionOptions): WindowSizes {
  const most = maxWindow ?? Math.max(window, 4 * 1024 * 1024);
  // Both sides assume 256 KiB, and nothing can be taken back from that.
  if (!(window >= INITIAL_WINDOW && most >= window && most <= MAX_UINT32)) {
    throw invalidArgument(
      `windows of ${window} to ${most} octets: 256 KiB at least, 4 GiB at most`,
    );
  }
  return { initial: Math.floor(window), most: Math.floor(most) };
}

function requirePositive(name: string, value: number): number {
  if (typeof value === 'number' && value > 0) return value;
  throw invalidArgument(`${name} must be a number above 0, got ${value}`);
}
