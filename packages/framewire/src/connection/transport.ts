/** The seam to Node: the only code that knows a Duplex. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { sharedReader } from '../native/socket-reading.ts';
import { copyOf } from '../protocol/octets.ts';
import { isHttp2Stream, reset, resetError } from './http2-stream.ts';

export interface TransportSink {
  /** Octets from the peer; they may be changed in place. Those that are lent only during the call. */
  onData(chunk: Uint8Array, lent: boolean): void;
  /** Memory to read the next octets into, where they are wanted there; they are lent all the same. */
  readonly room: Uint8Array | undefined;
  /** More is waiting than the transport wants: `onDrain` follows. */
  onFull(): void;
  /** Everything written so far has left. */
  onDrain(): void;
  /** The peer has ended its side. */
  onEnd(): void;
  /** The transport is gone, with the error that took it. Nothing follows. */
  onClose(error: Error | undefined): void;
}

/** The handlers are shared by all transports: they find theirs by this property. */
const TRANSPORT = Symbol('framewire.transport');

type Owned = Duplex & { [TRANSPORT]?: Transport };

/** Whether a transport was made of the stream before. */
export function isTransported(duplex: Duplex): boolean {
  return TRANSPORT in duplex;
}

/** What has happened to it: in one field, as each of its own would take 8 octets of every connection. */
const Flag = {
  started: 1,
  peerEnded: 2,
  /** By this side. */
  ended: 4,
  /** By this side: an error of it would be of our own making. */
  destroyed: 8,
  closed: 16,
} as const;

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

export class Transport {
  readonly duplex: Duplex;
  /** Who is told: during the opening handshake another than afterwards. */
  sink: TransportSink = NOBODY;
  error: Error | undefined;
  #flags = 0;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    (duplex as Owned)[TRANSPORT] = this;
    if (duplex instanceof Socket) {
      duplex.setTimeout(0);
      duplex.setNoDelay(true);
    }
    duplex.on('error', onError).on('close', onClose).on('drain', onDrain);
  }

  /** The peer has ended its side: for whoever becomes the sink later. */
  get hasEnded(): boolean {
    return has(this.#flags, Flag.peerEnded);
  }

  /** The stream is gone. */
  get hasClosed(): boolean {
    return has(this.#flags, Flag.closed);
  }

  /** Gets ready to read, if it is not: octets come from the first `resume` on. */
  start(): void {
    const { duplex } = this;
    if (has(this.#flags, Flag.started)) return;
    this.#flags |= Flag.started;
    if (duplex.destroyed && duplex.closed) {
      queueMicrotask(() => this.closed());
      return;
    }
    duplex.on('end', onEnd);
    // A stream that was paused stays so: whether to read on is for the sink to say.
    const isShared = duplex instanceof Socket && readShared(duplex);
    duplex.pause();
    if (!isShared) duplex.on('data', onData);
    if (duplex.readableEnded) queueMicrotask(() => this.peerEnded());
  }

  /**
   * Chunks of a socket are its own, and octets that were written to it are free to be changed when
   * nothing is pending, or after `onClose`. What other streams bring and take may be somebody's.
   */
  get isSocket(): boolean {
    return this.duplex instanceof Socket;
  }

  /** Octets written and not yet taken by the kernel. */
  get pending(): number {
    return this.duplex.writableLength;
  }

  /** More is waiting than the transport wants: `onDrain` follows. */
  get needsDrain(): boolean {
    return this.duplex.writableNeedDrain;
  }

  /** Whether so many octets may be written and wait without `needsDrain` becoming true. */
  hasRoomFor(octets: number): boolean {
    return octets < this.duplex.writableHighWaterMark;
  }

  write(octets: Uint8Array): void {
    if (!this.isWritable) return;
    try {
      this.duplex.write(octets);
    } catch (error) {
      // A fault of this stream must not keep others, which are flushed with it, from theirs.
      this.failed(error as Error);
    }
    if (this.needsDrain) this.sink.onFull();
  }

  /** Several buffers in one system call. */
  writeAll(parts: readonly Uint8Array[]): void {
    if (!this.isWritable) return;
    try {
      this.duplex.cork();
      for (const part of parts) this.duplex.write(part);
      this.duplex.uncork();
    } catch (error) {
      this.failed(error as Error);
    }
    if (this.needsDrain) this.sink.onFull();
  }

  pause(): void {
    this.duplex.pause();
  }

  resume(): void {
    this.duplex.resume();
  }

  /** Ends this side (FIN) once what was written has left. */
  end(): void {
    if (has(this.#flags, Flag.ended)) return;
    this.#flags |= Flag.ended;
    if (!this.duplex.destroyed) this.duplex.end();
  }

  /** Ends both sides at once; what waits to be sent is lost. */
  destroy(): void {
    this.#flags |= Flag.ended | Flag.destroyed;
    if (isHttp2Stream(this.duplex)) reset(this.duplex);
    else this.duplex.destroy();
  }

  received(chunk: Uint8Array): void {
    if (this.isSocket) this.sink.onData(chunk, false);
    // What one read of a session brought lies in one buffer: a small message must not keep all of it.
    else if (isHttp2Stream(this.duplex)) this.sink.onData(viewOf(chunk), true);
    else this.sink.onData(copyOf(chunk, 0, chunk.length), false);
  }

  receivedShared(buffer: Uint8Array, length: number): Uint8Array | undefined {
    this.sink.onData(new Uint8Array(buffer.buffer, buffer.byteOffset, length), true);
    return this.sink.room;
  }

  drained(): void {
    this.sink.onDrain();
  }

  peerEnded(): void {
    // Of a stream that was reset the end is told as well; that it is closed follows.
    if (isHttp2Stream(this.duplex) && !has(this.#flags, Flag.destroyed))
      this.error ??= resetError(this.duplex);
    if (this.error !== undefined) return;
    this.#flags |= Flag.peerEnded;
    this.sink.onEnd();
  }

  failed(error: Error): void {
    if (!has(this.#flags, Flag.destroyed)) this.error ??= error;
    // A stream without autoDestroy would stay half alive.
    this.duplex.destroy();
  }

  closed(): void {
    this.#flags |= Flag.closed;
    this.sink.onClose(this.error);
  }

  /** Nobody is told anything any more: of a stream that was given up. */
  forsake(): void {
    this.sink = NOBODY;
  }

  get isWritable(): boolean {
    const hasEnded = has(this.#flags, Flag.ended);
    return !hasEnded && !this.duplex.destroyed && this.duplex.writable;
  }
}

/** Of a `Buffer`, whose methods take more time. */
function viewOf({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** What is told to it concerns nobody. */
export const NOBODY: TransportSink = {
  room: undefined,
  onData() {},
  onFull() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
};

function onData(this: Owned, chunk: Uint8Array): void {
  this[TRANSPORT]?.received(chunk);
}

function onRead(this: Owned, length: number, buffer: Uint8Array): Uint8Array | undefined {
  return this[TRANSPORT]?.receivedShared(buffer, length);
}

const readShared = sharedReader(onRead);

function onDrain(this: Owned): void {
  this[TRANSPORT]?.drained();
}

function onEnd(this: Owned): void {
  this[TRANSPORT]?.peerEnded();
}

function onError(this: Owned, error: Error): void {
  this[TRANSPORT]?.failed(error);
}

function onClose(this: Owned): void {
  this[TRANSPORT]?.closed();
}
