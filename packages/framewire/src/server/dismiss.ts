/** The last answer on a stream that does not become a connection. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../connection/clock.ts';

/** Milliseconds a client has to take the answer and go. */
const LINGER = 1_000;

export function dismiss(duplex: Duplex, answer: Uint8Array, clock: Clock): void {
  duplex.on('error', ignore);
  try {
    duplex.end(answer);
  } catch {
    // A fault of this stream concerns nobody else.
    duplex.destroy();
  }
  // What the client still sends is read away: closing over it would reset the answer as well.
  duplex.resume();
  const timer = clock.setTimer(LINGER, () => duplex.destroy());
  duplex.once('close', () => timer.cancel());
}

function ignore(): void {}
