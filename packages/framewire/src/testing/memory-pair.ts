import { Duplex } from 'node:stream';

/** Two streams in memory, each the other's far end: what one is written, the other reads. */
export function memoryPair(): [Duplex, Duplex] {
  const a = new MemorySide();
  const b = new MemorySide();
  a.peer = b;
  b.peer = a;
  return [a, b];
}

class MemorySide extends Duplex {
  peer: MemorySide | undefined;
  /** Called when the peer has read what was written here: not before the next can be written. */
  #written: (() => void) | undefined;

  constructor() {
    // The default is not the same in all versions of Node.
    super({ highWaterMark: 16 * 1024 });
  }

  override _read(): void {
    const { peer } = this;
    if (peer === undefined) return;
    const written = peer.#written;
    peer.#written = undefined;
    if (written !== undefined) process.nextTick(written);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    if (this.peer === undefined || this.peer.destroyed) {
      callback();
      return;
    }
    this.#written = callback;
    this.peer.push(Buffer.from(chunk));
  }

  override _final(callback: () => void): void {
    this.peer?.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { peer } = this;
    // As a socket that is reset: the far end sees an error unless it has ended both ways.
    if (peer !== undefined && !peer.destroyed && !this.writableFinished) {
      process.nextTick(() => peer.destroy(connectionReset()));
    }
    callback(error);
  }
}

function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
}
