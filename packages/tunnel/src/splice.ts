/** Two streams made one: what ends in order ends in order at the other side, all else breaks off. */
import type { Duplex } from 'node:stream';

/** Calls back when both are gone. Nothing else may read or write them from here on. */
export function splice(near: Duplex, far: Duplex, done: () => void = () => {}): void {
  let open = 2;
  const closed = (): void => {
    open--;
    if (open === 0) done();
  };
  oneWay(near, far);
  oneWay(far, near);
  near.once('close', closed);
  far.once('close', closed);
}

function oneWay(from: Duplex, to: Duplex): void {
  let hasEnded = from.readableEnded;
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.once('end', () => {
    hasEnded = true;
    to.end();
  });
  // Its error is that of its end; an end that was not told is no end.
  from.on('error', () => {});
  from.once('close', () => {
    if (!hasEnded) to.destroy();
  });
  if (hasEnded) to.end();
}
