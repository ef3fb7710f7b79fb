/**
 * What leaves a session: control frames first, then the streams in turn, a frame of each. Frames
 * share messages, and no more is handed to the WebSocket than leaves soon, so that a ping or a small
 * stream never waits behind megabytes.
 */
import type { Connection } from 'framewire';
import { HEADER_SIZE, writeHeader } from './frame.ts';

/** Octets of a data frame, at most, without the header. */
const MAX_PAYLOAD = 16 * 1024;

/** Less room than this in a message is left empty. */
const MIN_PAYLOAD = 4 * 1024;

/** Octets of a message, at most. The connection copies what is no longer than this. */
const MAX_MESSAGE = 64 * 1024;

/** Octets in the WebSocket from which on to wait for room; it has its own opinion above that. */
const MOST_WAITING = 64 * 1024;

/** Control frames that may wait. Who makes us send more than that does not read. */
const MAX_CONTROL = 16 * 1024 * HEADER_SIZE;

/** Octets that control frames have room in at first, and what of that is kept for the next. */
const FEW_FRAMES = 16 * HEADER_SIZE;
const MAX_KEPT = 16 * FEW_FRAMES;

/** Frames are put together here, and copied from here by the connection: all sessions use it in turn. */
const message: Uint8Array = new Uint8Array(MAX_MESSAGE);

/** A stream that has octets and may send them. */
export interface Source {
  /**
   * Puts a data frame into `octets` from `at` on, with `most` octets of payload, and a frame without
   * payload behind it if need be; where they end.
   */
  put(octets: Uint8Array, at: number, most: number): number;
  /** Whether there is more that may be sent. */
  readonly hasMore: boolean;
  /** What was put into a message was sent. */
  onSent(): void;
}

export class Sender {
  readonly #connection: Connection;
  #control = new Uint8Array(FEW_FRAMES);
  #controlEnd = 0;
  /** Streams in the order of their turns, from `#turn` on. */
  #sources: Source[] = [];
  #turn = 0;
  #isScheduled = false;
  /** The connection has enough, and tells when it has not. */
  #isHeldBack = false;
  #isStopped = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The other side does not take what it makes us say. */
  get isOverrun(): boolean {
    return this.#controlEnd > MAX_CONTROL;
  }

  /** Sends a control frame with what else is sent in the turn. */
  control(type: number, flags: number, streamId: number, length: number): void {
    if (this.#isStopped) return;
    const at = this.#controlEnd;
    if (at === this.#control.length) {
      const larger = new Uint8Array(2 * at);
      larger.set(this.#control);
      this.#control = larger;
    }
    writeHeader(this.#control, at, type, flags, streamId, length);
    this.#controlEnd = at + HEADER_SIZE;
    // A message's worth does not wait for the end of the turn, in which many more may come.
    if (at < MAX_MESSAGE && this.#controlEnd >= MAX_MESSAGE) process.nextTick(run, this);
    this.#schedule();
  }

  /** The stream wants its turns, until it has nothing more that may be sent. */
  add(source: Source): void {
    if (this.#isStopped) return;
    this.#sources.push(source);
    this.#schedule();
  }

  /** Control frames leave now, and nothing after them. */
  stop(): void {
    while (this.#controlEnd > 0 && this.#connection.readyState === 'open') {
      void this.#connection.send(message.subarray(0, this.#takeControl()));
    }
    this.#isStopped = true;
    this.#control = new Uint8Array(0);
    this.#controlEnd = 0;
    this.#sources = [];
  }

  get #isIdle(): boolean {
    return this.#controlEnd === 0 && this.#turn === this.#sources.length;
  }

  /**
   * When the turn of the event loop is over: what it brings shares its messages. Ticks would come too
   * early, as there are some after each socket that was read.
   */
  #schedule(): void {
    if (this.#isScheduled || this.#isHeldBack) return;
    this.#isScheduled = true;
    setImmediate(run, this);
  }

  run(): void {
    this.#isScheduled = false;
    while (!this.#isStopped && !this.#isIdle && !this.#isHeldBack) this.#sendMessage();
  }

  #sendMessage(): void {
    const filled: Source[] = [];
    const end = this.#fill(filled);
    if (end > 0) {
      const sent = this.#connection.send(message.subarray(0, end));
      if (this.#connection.bufferedAmount > MOST_WAITING) this.#holdBack(sent);
    }
    for (const source of filled) source.onSent();
  }

  #fill(filled: Source[]): number {
    let end = this.#takeControl();
    while (this.#turn < this.#sources.length) {
      const room = Math.min(MAX_PAYLOAD, MAX_MESSAGE - end - 2 * HEADER_SIZE);
      // The rest of a message may not be worth a frame.
      if (room < MIN_PAYLOAD) break;
      const source = this.#nextSource();
      const next = source.put(message, end, room);
      if (source.hasMore) this.#sources.push(source);
      if (next > end) filled.push(source);
      end = next;
    }
    return end;
  }

  #nextSource(): Source {
    const source = this.#sources[this.#turn++]!;
    if (this.#turn === this.#sources.length) {
      this.#sources.length = 0;
      this.#turn = 0;
    } else if (this.#turn === 1024) {
      this.#sources.splice(0, this.#turn);
      this.#turn = 0;
    }
    return source;
  }

  #takeControl(): number {
    const end = Math.min(this.#controlEnd, MAX_MESSAGE - (MAX_MESSAGE % HEADER_SIZE));
    if (end === 0) return 0;
    message.set(this.#control.subarray(0, end));
    this.#control.copyWithin(0, end, this.#controlEnd);
    this.#controlEnd -= end;
    if (this.#controlEnd === 0 && this.#control.length > MAX_KEPT) {
      this.#control = new Uint8Array(FEW_FRAMES);
    }
    return end;
  }

  #holdBack(sent: Promise<void>): void {
    this.#isHeldBack = true;
    const goOn = (): void => {
      this.#isHeldBack = false;
      this.run();
    };
    sent.then(goOn, goOn);
  }
}

function run(sender: Sender): void {
  sender.run();
}
