/** RFC 9112 §9.6 — a connection to a target that answers before it has read all that it was sent. */
import net from 'node:net';

type Callback = (error?: Error | null) => void;

/**
 * Turns of the event loop after a write that failed: in the first the rest of it goes by, in the second
 * what has come is read, in the third it leaves.
 */
const TURNS = 3;

/**
 * A socket that is read once more before it tells that a write has failed. Node destroys it then, and
 * with it what the other side had said before it closed, such as a 413.
 */
export class TargetSocket extends net.Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, callback: Callback): void {
    super._write(chunk, encoding, patient(callback));
  }

  override _writev(
    chunks: { chunk: unknown; encoding: BufferEncoding }[],
    callback: Callback,
  ): void {
    super._writev!(chunks, patient(callback));
  }
}

/** Tells of success at once. */
function patient(callback: Callback): Callback {
  return (error) => {
    if (error === undefined || error === null) callback();
    else tellLater(callback, error, TURNS);
  };
}

function tellLater(callback: Callback, error: Error, turns: number): void {
  if (turns === 0) callback(error);
  else setImmediate(tellLater, callback, error, turns - 1);
}
