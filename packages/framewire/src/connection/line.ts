/**
 * What stays of a connection while nothing is under way: its transport, and whether its peer is still
 * there, which is asked with a Ping when it is silent (RFC 6455 §5.5.2). All that speaks the protocol,
 * a `ProtocolDriver` and what belongs to it, is made when octets come or are to leave, and dropped when
 * it has been at rest for a while: connections that are idle most of the time take little memory.
 */
import type { CloseInfo } from '../errors.ts';
import type { Compression } from '../extensions/compression.ts';
import type { ProtocolSink } from '../protocol/events.ts';
import type { Role } from '../protocol/opcode.ts';
import type { Timer } from './clock.ts';
import { joinWheel, leaveWheel, type WheelMember } from './heartbeat.ts';
import type { ConnectionSettings, Heartbeat } from './options.ts';
import { ProtocolDriver } from './protocol-driver.ts';
import type { Transport, TransportSink } from './transport.ts';

/** Octets of an incomplete frame that count as a sign of life: a peer that sends one at a time is none. */
const PROGRESS = 1024;

/** Whom a line serves. */
export interface LineSink extends ProtocolSink {
  /** All that waited to be sent has left. */
  onDrain(): void;
  /** The transport is gone. Nothing follows. */
  onFinished(info: CloseInfo): void;
}

/** What many lines share. */
interface LineEndpoint {
  readonly role: Role;
  readonly settings: ConnectionSettings;
}

export class Line<Endpoint extends LineEndpoint = LineEndpoint>
  implements TransportSink, WheelMember
{
  readonly endpoint: Endpoint;
  readonly transport: Transport;
  readonly sink: LineSink;
  /** What both sides agreed on, if they did. */
  readonly compression: Compression | undefined;
  #driver: ProtocolDriver | undefined;
  /** Octets are read; before that, what the transport tells waits there. */
  isStarted = false;
  /** What the peer has sent since the last look, in octets; a frame that is complete is enough. */
  #progress = 0;
  /** Runs while the answer to a Ping is awaited. */
  #deadline: Timer | undefined;

  constructor(
    endpoint: Endpoint,
    transport: Transport,
    sink: LineSink,
    compression: Compression | undefined,
  ) {
    this.endpoint = endpoint;
    this.transport = transport;
    this.sink = sink;
    this.compression = compression;
    transport.sink = this;
  }

  /** For whoever has something to do. */
  get driver(): ProtocolDriver {
    return (this.#driver ??= new ProtocolDriver(this));
  }

  /** The driver is at rest: another takes its place when there is something to do. */
  dropDriver(): void {
    this.#driver = undefined;
    this.transport.sink = this;
  }

  /** Begins to read; `early` is what came right behind the opening handshake. */
  start(early: Uint8Array, lent: boolean): void {
    if (this.isFinished) return;
    this.isStarted = true;
    const { heartbeat, clock } = this.endpoint.settings;
    if (heartbeat !== undefined) joinWheel(clock, heartbeat.interval, this);
    this.transport.start();
    if (early.length > 0) this.onData(early, lent);
    // What has happened since the opening handshake comes after what came right behind it.
    const { hasClosed, hasEnded, error } = this.transport;
    if (hasClosed) this.onClose(error);
    else if (hasEnded) this.onEnd();
    else if (this.isReading) this.transport.resume();
  }

  /** No Close was sent or received, and nothing failed. */
  get isOpen(): boolean {
    return this.#driver?.protocol.isOpen ?? true;
  }

  get isFinished(): boolean {
    return this.#driver?.isFinished ?? false;
  }

  get bufferedAmount(): number {
    return this.#driver?.sending.bufferedAmount ?? 0;
  }

  /** False while the application holds the peer back: silence is of our making. */
  get isReading(): boolean {
    return this.#driver?.isReading ?? true;
  }

  get room(): undefined {
    return undefined;
  }

  onData(chunk: Uint8Array, lent: boolean): void {
    this.driver.onData(chunk, lent);
  }

  onEnd(): void {
    if (this.isStarted) this.driver.onEnd();
  }

  onClose(error: Error | undefined): void {
    if (this.isStarted) this.driver.onClose(error);
  }

  // Nothing leaves without a driver.
  onFull(): void {}
  onDrain(): void {}

  /** The peer is not asked any more whether it is there. */
  stopAsking(): void {
    this.#stopWaiting();
    const { heartbeat, clock } = this.endpoint.settings;
    if (heartbeat !== undefined) leaveWheel(clock, heartbeat.interval, this);
  }

  /** Takes note of octets, and of frames that they completed. */
  received(octets: number, frames: number): void {
    this.#progress += frames > 0 ? PROGRESS : octets;
  }

  /** Silence of our own making, such as a pause that has ended, is none of the peer's. */
  excuseSilence(): void {
    this.#progress = PROGRESS;
  }

  onBeat(): void {
    const { heartbeat } = this.endpoint.settings;
    // A peer that is held back cannot answer; but writing to one that is gone brings it to light.
    if (!this.isReading) this.driver.ask();
    const isAlive = this.#isAlive;
    // While an answer is awaited, signs of life are counted from the Ping on.
    if (heartbeat === undefined || (this.#deadline !== undefined && !isAlive)) return;
    this.#progress = 0;
    this.#stopWaiting();
    if (isAlive) return;
    this.driver.ask();
    this.#await(heartbeat);
  }

  #await({ timeout }: Heartbeat): void {
    this.#deadline = this.endpoint.settings.clock.setTimer(timeout, () => {
      this.#deadline = undefined;
      if (!this.#isAlive) this.driver.onSilence(timeout);
    });
  }

  #stopWaiting(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  /** Whether there was a sign of life since the last look. */
  get #isAlive(): boolean {
    return !this.isReading || this.#progress >= PROGRESS;
  }
}
