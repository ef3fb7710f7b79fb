/** Two streams of octets made one: what comes from either goes to the other. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { reset } from './caller.ts';

export interface SpliceOptions {
  /** Octets that `near`, or `far`, has brought; they are not to be changed or kept. */
  readonly onNearChunk?: (chunk: Uint8Array) => void;
  readonly onFarChunk?: (chunk: Uint8Array) => void;
  /** Both are closed. Without an error if both have ended, and all was passed on. */
  readonly onDone: (error: Error | undefined) => void;
}

/**
 * An end of one is an end of the other, which may go on sending; anything else that takes one away
 * is a reset of the other, so that what is lost does not look like an end. Both streams are taken
 * over: they must have no reader.
 */
export function splice(near: Duplex, far: Duplex, options: SpliceOptions): void {
  let open = 2;
  let error: Error | undefined;
  const onClose = (lost: Duplex, other: Duplex): void => {
    if (lost.errored !== null || !lost.readableEnded || !lost.writableFinished) {
      error ??= lost.errored ?? new Error('it closed early');
      reset(other);
    }
    open--;
    if (open === 0) options.onDone(error);
  };
  prepare(near);
  prepare(far);
  near.on('close', () => onClose(near, far));
  far.on('close', () => onClose(far, near));
  pass(near, far, options.onNearChunk);
  pass(far, near, options.onFarChunk);
  // It may have happened before anybody listened.
  if (near.closed || far.closed) {
    const [lost, other] = near.closed ? [near, far] : [far, near];
    process.nextTick(onClose, lost, other);
  }
}

function prepare(duplex: Duplex): void {
  // A client's socket would answer an end with its own.
  duplex.allowHalfOpen = true;
  // `close` tells what took it away.
  duplex.on('error', () => {});
  if (!(duplex instanceof Socket)) return;
  duplex.setTimeout(0);
  duplex.setNoDelay(true);
}

function pass(from: Duplex, to: Duplex, onChunk: ((chunk: Uint8Array) => void) | undefined): void {
  from.on('data', (chunk: Uint8Array) => {
    onChunk?.(chunk);
    if (!to.write(chunk)) from.pause();
  });
  from.on('end', () => to.end());
  to.on('drain', () => from.resume());
  from.resume();
}
