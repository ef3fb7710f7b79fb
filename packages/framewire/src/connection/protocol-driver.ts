/**
 * The shell around the machine: gives `Protocol` a transport and a clock, and does to the transport
 * what the machine's state demands. Everything sent while one chunk is handled leaves in one write.
 * A `Line` has a driver while something is under way.
 */
import { isUtf8 } from 'node:buffer';
import { randomFillSync } from 'node:crypto';
import { LimitError, misuse, TimeoutError } from '../errors.ts';
import { longReadBuffer, mask } from '../native/masking.ts';
import { allocate } from '../native/memory.ts';
import { CloseCode } from '../protocol/close-code.ts';
import type { InflateWaiter } from '../protocol/inflater.ts';
import { MaskingKeys } from '../protocol/masking.ts';
import type { ProtocolNatives } from '../protocol/natives.ts';
import { copyOf } from '../protocol/octets.ts';
import { Protocol } from '../protocol/protocol.ts';
import { systemClock, type Timer } from './clock.ts';
import { joinWheel, type Wheel, type WheelMember } from './heartbeat.ts';
import type { Line, LineSink } from './line.ts';
import { writeText } from '../native/text.ts';
import type { ConnectionSettings } from './options.ts';
import { Outbox } from './outbox.ts';
import { Sending } from './sending.ts';
import type { Transport, TransportSink } from './transport.ts';

/**
 * The most that is handled before other connections get their turn: octets of large frames, and octets
 * or frames of small ones.
 */
const MOST_OCTETS = 1024 * 1024;
const MOST_FRAMES = 2048;
const SLICE = 64 * 1024;

/** Milliseconds within which a driver with nothing to do is dropped, by the clock of the process. */
const REST = 4000;

const NATIVES: ProtocolNatives = { isUtf8, applyMask: mask, allocate, writeText };

/** Masking keys for all client connections of the process (§10.3). */
const maskingKeys = new MaskingKeys(randomFillSync);

/** What the transport has said of its end, and what had been inflated by then. */
interface End {
  readonly isClosed: boolean;
  readonly octetsInflated: number;
  readonly error: Error | undefined;
}

export class ProtocolDriver implements TransportSink, InflateWaiter, WheelMember {
  readonly protocol: Protocol;
  readonly sending: Sending;
  readonly transport: Transport;
  readonly settings: ConnectionSettings;
  readonly #line: Line;
  readonly #sink: LineSink;
  readonly #outbox: Outbox;
  readonly #wheel: Wheel;
  /** Since the wheel came by. */
  #wasUsed = true;
  /** What of a large chunk waits for its turn; empty where only what was read is still inflated. */
  #backlog: Uint8Array | undefined;
  #isBacklogScheduled = false;
  /** What was read since others had their turn. */
  #turnOctets = 0;
  #turnFrames = 0;
  #isPaused = false;
  /** What the transport has said of its end; it is handled when the backlog is. */
  #end: End | undefined;
  #isFinished = false;
  /** Runs from the first Close, or failure, until the transport is gone. */
  #closeTimer: Timer | undefined;
  /** Runs while the transport takes no more. */
  #sendTimer: Timer | undefined;

  constructor(line: Line) {
    const { transport, sink, compression } = line;
    const { role, settings } = line.endpoint;
    this.#line = line;
    this.#sink = sink;
    this.settings = settings;
    this.transport = transport;
    transport.sink = this;
    this.#outbox = new Outbox(transport);
    this.sending = new Sending(this, compression);
    this.#wheel = joinWheel(systemClock, REST, this);
    this.protocol = new Protocol({
      role,
      limits: settings.limits,
      sink,
      output: this.#outbox,
      maskingKeys: role === 'client' ? maskingKeys : undefined,
      natives: NATIVES,
      inflaters: compression,
      inflateWaiter: this,
    });
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Octets that were sent and that the kernel has not taken. */
  get bufferedAmount(): number {
    return this.#outbox.unflushed + this.transport.pending;
  }

  /** Sees to it that what the protocol has put out leaves with the end of this turn. */
  schedule(): void {
    this.#wasUsed = true;
    this.#outbox.schedule();
  }

  flush(): void {
    this.#outbox.flush();
  }

  /** §7.1.2, for the first time; the transport follows when both sides have said Close. */
  close(code: number | undefined, reason: string): void {
    this.protocol.sendClose(code, reason);
    this.#settle();
  }

  /** §7.1.7: a Close with the code, then the end of the transport, at the latest after closeTimeout. */
  fail(error: Error, closeCode: number): void {
    this.#fail(error, closeCode);
    this.#settle();
  }

  /** Ends the transport at once, for a peer that would not notice anything else. */
  abort(error: Error, closeCode: number = CloseCode.abnormalClosure): void {
    this.#fail(error, closeCode);
    this.#outbox.flush();
    this.transport.destroy();
  }

  /** Holds the peer back; without effect once only its Close is waited for. */
  pause(): void {
    if (!this.protocol.isOpen) return;
    this.#isPaused = true;
    this.protocol.hold();
    this.transport.pause();
  }

  resume(): void {
    this.#isPaused = false;
    // Before the start nobody would take what comes.
    if (!this.#line.isStarted) return;
    this.#line.excuseSilence();
    if (this.#backlog === undefined) this.transport.resume();
    else this.#scheduleBacklog();
  }

  get isReading(): boolean {
    return !this.#isPaused && this.#backlog === undefined;
  }

  ask(): void {
    if (!this.protocol.isOpen || this.transport.needsDrain) return;
    this.protocol.sendPing(new Uint8Array(0));
    this.schedule();
  }

  onSilence(milliseconds: number): void {
    const error = new TimeoutError('ERR_WS_PONG_TIMEOUT', milliseconds);
    this.abort(error, error.closeCode);
  }

  onData(chunk: Uint8Array, lent: boolean): void {
    // A transport in memory may bring the answer to a write while the chunk before is handled.
    const isReceiving = this.#outbox.isHeld;
    // What is lent is of one large message, or little.
    if ((lent || chunk.length <= SLICE) && this.isReading && !isReceiving) {
      this.#receive(chunk, lent);
      if (chunk.length < SLICE) this.#startTurn();
      else this.#shareTurn(chunk.length);
      return;
    }
    const rest = this.#backlog;
    const own = lent ? copyOf(chunk, 0, chunk.length) : chunk;
    this.#backlog = rest === undefined ? own : Buffer.concat([rest, own]);
    this.transport.pause();
    if (rest === undefined && !isReceiving) this.#receiveBacklog();
    else this.#scheduleBacklog();
  }

  get room(): Uint8Array | undefined {
    // What waits would come first.
    if (!this.isReading) return undefined;
    // What a server has to unmask is unmasked fastest where all sockets are read into.
    const own = this.protocol.role === 'client' ? this.protocol.room : undefined;
    return own ?? (this.#turnOctets > 0 ? longReadBuffer : undefined);
  }

  /** Another driver could go on. */
  get #isAtRest(): boolean {
    const { transport } = this;
    const isWaited = this.#closeTimer !== undefined || this.#sendTimer !== undefined;
    return (
      this.isReading &&
      !isWaited &&
      !this.#isBacklogScheduled &&
      this.#end === undefined &&
      transport.pending === 0 &&
      !transport.needsDrain &&
      this.#outbox.isAtRest &&
      this.sending.isAtRest &&
      this.protocol.isAtRest
    );
  }

  #startTurn(): void {
    this.#turnOctets = 0;
    this.#turnFrames = this.protocol.framesReceived;
  }

  /** Where the peer is always faster than this side, others get their turn in between. */
  #shareTurn(octets: number): void {
    this.#turnOctets += octets;
    const frames = (this.protocol.framesReceived - this.#turnFrames) & 0x7fffffff;
    if (this.#turnOctets < MOST_OCTETS && frames < MOST_FRAMES) return;
    this.#startTurn();
    if (!this.isReading) return;
    this.transport.pause();
    setImmediate(() => {
      if (this.isReading) this.transport.resume();
    });
  }

  onFull(): void {
    this.protocol.holdPongs();
    this.#watchSending();
  }

  onDrain(): void {
    this.#sendTimer?.cancel();
    this.#sendTimer = undefined;
    if (this.transport.pending === 0) this.#outbox.release();
    this.protocol.releasePongs();
    this.flush();
    // What was sent since may fill the transport at once: then another drain follows.
    if (!this.transport.needsDrain) this.#sink.onDrain();
  }

  onEnd(): void {
    if (!this.#line.isStarted) return;
    const { octetsInflated } = this.protocol;
    this.#end = { isClosed: false, octetsInflated, error: undefined };
    this.#receiveBacklog();
  }

  onClose(error: Error | undefined): void {
    if (!this.#line.isStarted) return;
    const { octetsInflated } = this.#end ?? this.protocol;
    this.#end = { isClosed: true, octetsInflated, error };
    this.#receiveBacklog();
  }

  /** Whoever has not been used for a turn of the wheel, and has nothing left to do, goes. */
  onBeat(): void {
    if (!this.#wasUsed && this.#isAtRest) {
      this.#wheel.remove(this);
      this.#line.dropDriver();
    }
    this.#wasUsed = false;
  }

  onInflated(): void {
    if (this.#end !== undefined || !this.#isPaused) this.#scheduleBacklog();
  }

  #fail(error: Error, closeCode: number): void {
    const { inflating } = this.protocol;
    this.protocol.fail(error, closeCode);
    // Now nothing is waited for any more.
    if (inflating === 'waiting') this.onInflated();
  }

  /** What is `lent` is the transport's again after the call. */
  #receive(chunk: Uint8Array, lent: boolean): void {
    const before = this.protocol.framesReceived;
    this.#wasUsed = true;
    this.#outbox.isHeld = true;
    try {
      const read = this.protocol.receive(chunk);
      const isRead = read === chunk.length && this.protocol.inflating === 'no';
      if (!isRead) this.#putBack(lent ? copyOf(chunk, read, chunk.length) : chunk.subarray(read));
    } catch (error) {
      // Memory for a message could not be had, for one: that must not end the process.
      this.protocol.fail(error as Error, CloseCode.internalError);
    } finally {
      const frames = (this.protocol.framesReceived - before) & 0x7fffffff;
      this.#line.received(chunk.length, frames);
      this.#outbox.isHeld = false;
      this.#settle();
    }
  }

  #putBack(rest: Uint8Array): void {
    this.#backlog = this.#backlog === undefined ? rest : Buffer.concat([rest, this.#backlog]);
    // Whoever paused will resume; what is inflated for long goes on by itself.
    if (this.#isPaused) return;
    this.transport.pause();
    this.#scheduleBacklog();
  }

  /** One slice now, the next when other connections had their turn; and then the end, if it has come. */
  #receiveBacklog(): void {
    const backlog = this.#backlog;
    this.#isBacklogScheduled = false;
    if (backlog === undefined) {
      if (this.#end !== undefined) this.#receiveEnd(this.#end);
      return;
    }
    if (this.protocol.inflating === 'waiting') return;
    if (this.#end !== undefined) this.#boundRest(this.#end);
    else if (this.#isPaused) return;
    this.#backlog = backlog.length > SLICE ? backlog.subarray(SLICE) : undefined;
    this.#receive(backlog.subarray(0, SLICE), false);
    if (this.#backlog !== undefined) this.#scheduleBacklog();
    else if (this.#end !== undefined) this.#receiveEnd(this.#end);
    else if (!this.#isPaused) this.transport.resume();
  }

  #scheduleBacklog(): void {
    // What waits for the inflater goes on with `onInflated`.
    if (this.#isBacklogScheduled || this.protocol.inflating === 'waiting') return;
    this.#isBacklogScheduled = true;
    setImmediate(() => this.#receiveBacklog());
  }

  /** The transport has ended, and what it brought before was handed on. */
  #receiveEnd({ isClosed, error }: End): void {
    if (this.#isFinished) return;
    if (isClosed) {
      this.#finish(error);
      return;
    }
    this.protocol.receiveEnd();
    this.#settle();
    this.transport.end();
  }

  /**
   * §10.4: what nobody has asked for yet must not pile up without end, and a few octets can inflate to
   * very many. Where the peer is gone it cannot be held back.
   */
  #boundRest(end: End): void {
    if (!this.#isPaused) return;
    const { maxMessageSize } = this.settings.limits;
    const inflated = this.protocol.octetsInflated - end.octetsInflated;
    if (inflated <= maxMessageSize) return;
    const code = 'ERR_WS_MESSAGE_TOO_BIG';
    const error = new LimitError(code, 'maxMessageSize', maxMessageSize, inflated);
    this.protocol.fail(error, error.closeCode);
  }

  #finish(error: Error | undefined): void {
    this.#isFinished = true;
    this.#wheel.remove(this);
    this.#outbox.release();
    this.protocol.receiveEnd(error);
    this.#line.stopAsking();
    this.#closeTimer?.cancel();
    this.#sendTimer?.cancel();
    this.#sink.onFinished(this.protocol.closeInfo);
  }

  /** Flushes, and does to the transport what the state of the protocol demands. */
  #settle(): void {
    this.flush();
    if (this.protocol.isOpen || this.#isFinished) return;
    this.#line.stopAsking();
    if (this.#closeTimer === undefined) this.#startCloseTimer();
    // What still comes is a Close or nothing: the application's own pace does not matter any more.
    if (this.#isPaused) this.resume();
    if (this.protocol.shouldEndTransport) this.transport.end();
  }

  #startCloseTimer(): void {
    const { clock, closeTimeout } = this.settings;
    this.#closeTimer = clock.setTimer(closeTimeout, () => {
      // A Close that has not left cannot be answered: until then sendTimeout bounds the wait.
      const isOnItsWay = this.#sendTimer !== undefined && !this.protocol.shouldEndTransport;
      if (isOnItsWay) this.#startCloseTimer();
      else this.abort(new TimeoutError('ERR_WS_CLOSING_TIMEOUT', closeTimeout));
    });
  }

  /** §10.4: bounds the wait while the transport takes no more. */
  #watchSending(): void {
    const { clock, sendTimeout } = this.settings;
    if (this.#sendTimer !== undefined || this.#isFinished || sendTimeout === Infinity) return;
    const { taken } = this.#outbox;
    this.#sendTimer = clock.setTimer(sendTimeout, () => {
      this.#sendTimer = undefined;
      if (!this.transport.needsDrain) return;
      if (this.#outbox.taken > taken) this.#watchSending();
      else this.abort(new TimeoutError('ERR_WS_SEND_TIMEOUT', sendTimeout));
    });
  }
}

/** What a connection was ended with when the application gave no reason of its own. */
export function terminated(): Error {
  return misuse('ERR_WS_TERMINATED', '');
}
