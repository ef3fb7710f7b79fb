/** One stream of a session: a Duplex that Node's HTTP takes for a socket. */
import { Duplex } from 'node:stream';
import type { Clock, Timer } from 'framewire';
import { TunnelError } from '../errors.ts';
import { Flag, FrameType, HEADER_SIZE, writeHeader } from './frame.ts';
import { SendWindow, type ReceiveWindow } from './flow-control.ts';
import type { Source } from './sender.ts';
import { Unread } from './unread.ts';

/** What a stream needs of its session. */
export interface StreamHost {
  readonly clock: Clock;
  readonly roundTrip: number | undefined;
  /** Sends a window update. */
  update(flags: number, streamId: number, octets: number): void;
  /** The stream has octets and credit. */
  wantsTurns(source: Source): void;
  /** The stream is destroyed. */
  forget(stream: MuxStream): void;
}

/** What is said to read at once, as of a socket; node:http asks for it. */
const HIGH_WATER_MARK = 64 * 1024;

type Callback = (error?: Error | null) => void;

interface Written {
  readonly chunk: Buffer;
}

export class MuxStream extends Duplex {
  readonly id: number;
  readonly #host: StreamHost;
  /** What came and does not fit into the buffer that every Readable has; that one holds a piece. */
  readonly #unread = new Unread();
  readonly #receiving: ReceiveWindow;
  readonly #sending = new SendWindow();
  #isRead = false;
  /** Octets given to the Readable, and those of them for which the window knows that they were taken. */
  #pushed = 0;
  #taken = 0;
  #finReceived = false;
  #finSent = false;
  #isReset = false;
  #isAccepted = false;
  /** What is being written, from `#offset` of the first on. */
  #written: readonly Written[] = [];
  #index = 0;
  #offset = 0;
  #unsent = 0;
  /** Octets that were given to be written, those included that were sent. */
  #writing = 0;
  #callback: Callback | undefined;
  #bytesWritten = 0;
  #hasTurns = false;
  #timeout = 0;
  #activeAt = 0;
  #timer: Timer | undefined;

  /** @internal */
  constructor(id: number, host: StreamHost, receiving: ReceiveWindow) {
    // One piece at a time: all else waits where small pieces are put together.
    super({ readableHighWaterMark: 1, writableHighWaterMark: HIGH_WATER_MARK });
    this.id = id;
    this.#host = host;
    this.#receiving = receiving;
    // That a peer breaks off must not end the process of those who only watch for 'close'.
    this.on('error', ignore);
  }

  static {
    Object.defineProperty(this.prototype, 'readableHighWaterMark', { value: HIGH_WATER_MARK });
  }

  /**
   * The other side has taken the stream. One of ours that ends before was refused, and nothing that
   * was written to it was seen by anybody.
   */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /** Octets that were sent to the other side, as of a socket. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** For those who know sockets; without effect. */
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** As of a socket: 'timeout' is emitted after so many milliseconds without octets; 0 for never. */
  setTimeout(milliseconds: number, callback?: () => void): this {
    this.#timeout = milliseconds;
    if (callback !== undefined) {
      if (milliseconds > 0) this.once('timeout', callback);
      else this.off('timeout', callback);
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    if (milliseconds > 0 && !this.destroyed) {
      this.#activeAt = this.#host.clock.now();
      this.#watch(milliseconds);
    }
    return this;
  }

  override read(size?: number): unknown {
    const octets: unknown = super.read(size);
    this.#settle();
    return octets;
  }

  override _read(): void {
    const piece = this.#unread.take();
    if (piece === undefined) {
      this.#isRead = true;
      if (this.#finReceived) this.push(null);
      return;
    }
    this.#push(piece);
    if (this.#finReceived && this.#unread.isEmpty) this.push(null);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#begin([{ chunk }], chunk.length, callback);
  }

  override _writev(chunks: Written[], callback: Callback): void {
    let octets = 0;
    for (const { chunk } of chunks) octets += chunk.length;
    this.#begin(chunks, octets, callback);
  }

  override _final(callback: Callback): void {
    if (!this.#finSent) {
      this.#finSent = true;
      this.#host.update(Flag.fin, this.id, 0);
    }
    callback();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    // After both ends nobody listens any more; before, whatever is missing must be seen to miss.
    if (!this.#isReset && !(this.#finSent && this.#finReceived)) {
      this.#host.update(Flag.rst, this.id, 0);
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#unread.clear();
    this.#receiving.release();
    const written = this.#callback;
    this.#written = [];
    this.#unsent = 0;
    this.#callback = undefined;
    this.#host.forget(this);
    callback(error);
    if (written === undefined) return;
    const reason = error ?? new TunnelError('ERR_TUNNEL_STREAM_RESET', 'by this side');
    // Whoever destroys it is in the middle of something.
    process.nextTick(written, reason);
  }

  /** @internal */
  accept(): void {
    this.#isAccepted = true;
  }

  /** @internal */
  get hasEnded(): boolean {
    return this.#finReceived;
  }

  /** @internal A data frame begins; false when it is more than the other side may send. */
  announce(octets: number): boolean {
    return this.#receiving.accept(octets);
  }

  /** @internal */
  receive(octets: Uint8Array): void {
    if (this.destroyed) return;
    if (this.#timeout > 0) this.#activeAt = this.#host.clock.now();
    // Who flows takes it at once; then it need not be copied, nor wait for a tick.
    const isFlowing = this.readableFlowing === true && this.readableLength === 0;
    if (!this.#unread.isEmpty || !(isFlowing || this.#isRead)) {
      this.#unread.add(octets);
      return;
    }
    if (isFlowing) {
      this.#push(octets);
      return;
    }
    this.#unread.add(octets);
    this.#push(this.#unread.take()!);
  }

  /** @internal The other side sends no more. */
  receiveFin(): void {
    this.#finReceived = true;
    if (this.destroyed) return;
    if (this.#unread.isEmpty) this.push(null);
  }

  /** @internal Whatever comes from here on, it never looks like an end. */
  abort(error: TunnelError): void {
    this.#isReset = true;
    this.destroy(error);
  }

  /** @internal False when it is more than a window can be. */
  addCredit(octets: number): boolean {
    if (!this.#sending.add(octets)) return false;
    this.#askForTurns();
    return true;
  }

  /** @internal */
  get hasMore(): boolean {
    this.#hasTurns = this.#unsent > 0 && this.#sending.credit > 0;
    return this.#hasTurns;
  }

  /** @internal As `Source` says. */
  put(octets: Uint8Array, at: number, most: number): number {
    const length = Math.min(this.#unsent, this.#sending.credit, most);
    if (length === 0) return at;
    const start = at + HEADER_SIZE;
    let end = start;
    while (end < start + length) end += this.#copy(octets, end, start + length - end);
    this.#unsent -= length;
    this.#bytesWritten += length;
    this.#sending.spend(length);
    writeHeader(octets, at, FrameType.data, 0, this.id, length);
    return this.#isLast() ? this.#putFin(octets, end) : end;
  }

  /** @internal */
  onSent(): void {
    if (this.#timeout > 0) this.#activeAt = this.#host.clock.now();
    if (this.#unsent > 0) return;
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }

  /** Nothing follows what was put into a message: FIN can go with it. */
  #isLast(): boolean {
    return this.#unsent === 0 && this.writableEnded && this.writableLength <= this.#writing;
  }

  /** In a frame of its own: readers of Go's yamux may see a FIN before the octets it comes with. */
  #putFin(octets: Uint8Array, at: number): number {
    this.#finSent = true;
    writeHeader(octets, at, FrameType.windowUpdate, Flag.fin, this.id, 0);
    return at + HEADER_SIZE;
  }

  #begin(written: readonly Written[], octets: number, callback: Callback): void {
    this.#written = written;
    this.#index = 0;
    this.#offset = 0;
    this.#unsent = octets;
    this.#writing = octets;
    if (octets === 0) {
      callback();
      return;
    }
    this.#callback = callback;
    this.#askForTurns();
  }

  #askForTurns(): void {
    if (this.#hasTurns || this.#unsent === 0 || this.#sending.credit === 0) return;
    this.#hasTurns = true;
    this.#host.wantsTurns(this);
  }

  #copy(octets: Uint8Array, at: number, most: number): number {
    const { chunk } = this.#written[this.#index]!;
    const left = chunk.length - this.#offset;
    const length = Math.min(left, most);
    const isWhole = length === chunk.length;
    octets.set(isWhole ? chunk : chunk.subarray(this.#offset, this.#offset + length), at);
    if (length === left) {
      this.#index++;
      this.#offset = 0;
    } else this.#offset += length;
    return length;
  }

  #push(octets: Uint8Array): void {
    this.#isRead = false;
    this.#pushed += octets.length;
    this.push(octets);
    this.#settle();
  }

  /** Gives back credit for what was taken: a Readable that flows takes it within `push`. */
  #settle(): void {
    const taken = this.#pushed - this.readableLength - this.#taken;
    if (taken <= 0 || this.destroyed) return;
    this.#taken += taken;
    const { clock, roundTrip } = this.#host;
    const given = this.#receiving.take(taken, clock.now(), roundTrip);
    // Nobody needs credit who has said that nothing follows.
    if (given > 0 && !this.#finReceived) this.#host.update(0, this.id, given);
  }

  #watch(delay: number): void {
    this.#timer = this.#host.clock.setTimer(delay, () => {
      const left = this.#activeAt + this.#timeout - this.#host.clock.now();
      if (left > 0) this.#watch(left);
      else {
        this.#timer = undefined;
        this.emit('timeout');
      }
    });
  }
}

function ignore(): void {}
