/**
 * zlib, called synchronously on a state that stays: 4 times cheaper for small messages than making a
 * state for each, as `zlib.deflateRawSync` does, and 10 times cheaper than a stream's trip through the
 * thread pool.
 *
 * Node has no documented function for it. This module is the only one that relies on what a zlib
 * stream is made of: `_handle.writeSync(flush, input, at, length, output, at, length)` and
 * `_writeState`, which then holds how much room and how much input is left. Both are the same in Node
 * 20 to 26, and are tried out before they are used; where they are missing or behave otherwise,
 * everything goes through the documented streams (`stream-codec.ts`).
 */
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib';
import type { DeflateRaw, InflateRaw } from 'node:zlib';

interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
}

interface Internals {
  readonly _handle: Handle;
  readonly _writeState: Uint32Array;
}

export class ZlibHandle {
  readonly #stream: DeflateRaw | InflateRaw;
  readonly #handle: Handle;
  readonly #state: Uint32Array;

  constructor(stream: DeflateRaw | InflateRaw) {
    const internals = stream as unknown as Internals;
    this.#stream = stream;
    this.#handle = internals._handle;
    this.#state = internals._writeState;
    // A failure is seen by whoever called; the stream tells it once more, when nobody listens.
    stream.on('error', () => {});
  }

  /** Octets of the output that the last run did not fill. */
  get room(): number {
    return this.#state[0]!;
  }

  /** Octets of the input that the last run did not read. */
  get unread(): number {
    return this.#state[1]!;
  }

  /**
   * Reads `input` from `start` to `end` and fills `output` from its beginning, at most `size` octets.
   * False when the input is corrupt, and after that: the state is of no use any more then.
   */
  run(
    input: Uint8Array,
    start: number,
    end: number,
    output: Uint8Array,
    size: number = output.length,
  ): boolean {
    // Node would end the process.
    if (this.#stream.destroyed) return false;
    this.#handle.writeSync(constants.Z_SYNC_FLUSH, input, start, end - start, output, 0, size);
    return !this.#stream.destroyed;
  }

  reset(): void {
    this.#stream.reset();
  }

  close(): void {
    this.#stream.close();
  }
}

let isUsable: boolean | undefined;

/** Whether states can be used synchronously here. `FRAMEWIRE_DOCUMENTED_API=1` says no. */
export function canUseHandles(): boolean {
  isUsable ??= process.env['FRAMEWIRE_DOCUMENTED_API'] !== '1' && tryHandles();
  return isUsable;
}

function tryHandles(): boolean {
  const deflateStream = createDeflateRaw();
  const inflateStream = createInflateRaw();
  const areUsable = tryStreams(deflateStream, inflateStream);
  deflateStream.close();
  inflateStream.close();
  return areUsable;
}

/** Two messages there and back, the second of them referring to the first; and one that is corrupt. */
function tryStreams(deflateStream: DeflateRaw, inflateStream: InflateRaw): boolean {
  try {
    const deflater = new ZlibHandle(deflateStream);
    const inflater = new ZlibHandle(inflateStream);
    const message = new Uint8Array(64).map((_, index) => index);
    const deflated = new Uint8Array(128);
    const inflated = new Uint8Array(128);
    /** The octets it took; 0 when it did not come back. */
    const sendMessage = (): number => {
      const ok = deflater.run(message, 0, message.length, deflated) && deflater.unread === 0;
      const length = deflated.length - deflater.room;
      const back = inflater.run(deflated, 0, length, inflated) && inflater.unread === 0;
      const same = message.every((octet, index) => inflated[index] === octet);
      return ok && back && same && inflater.room === inflated.length - message.length ? length : 0;
    };
    const first = sendMessage();
    const second = sendMessage();
    const rejects = !inflater.run(Uint8Array.of(0xff, 0xff), 0, 2, inflated);
    return second > 0 && second < first && rejects;
  } catch {
    return false;
  }
}
