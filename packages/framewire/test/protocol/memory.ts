/** What code allocates and what it keeps. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The lengths of all octet arrays that are made while `run` runs, in their order. */
export function allocationsOf(run: () => void): number[] {
  const lengths: number[] = [];
  const original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, parameters) {
      if (typeof parameters[0] === 'number') lengths.push(parameters[0]);
      return Reflect.construct(target, parameters) as object;
    },
  });
  try {
    run();
  } finally {
    globalThis.Uint8Array = original;
  }
  return lengths;
}

/** The octets that are in use after `run` and were not before, after collecting garbage. */
export function retainedBy(run: () => void): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage();
  run();
  collect();
  // Octets that the first round found unused are given back by the time of the second.
  collect();
  const after = process.memoryUsage();
  return after.heapUsed - before.heapUsed + (after.arrayBuffers - before.arrayBuffers);
}
