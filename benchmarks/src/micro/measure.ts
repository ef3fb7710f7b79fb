/** Times the ways of a row, in turns: what disturbs the machine for a while disturbs all of them. */
import { Bench } from 'tinybench';
import { median } from '../statistics.ts';
import type { Measured, Operation, Row } from './table.ts';

/** Of each way, in three turns. Milliseconds. */
const TURNS = 3;
const TURN_TIME = 20;

/** So long a sample is for the clock, which takes some 30 ns itself, to cost nothing. Nanoseconds. */
const SAMPLE_TIME = 20_000;

/** Time for the compiler to have done its work. Nanoseconds. */
const COMPILE_TIME = 4_000_000;

// Whatever is called in `repeat` must not be compiled into it: one way would have it over the others.
for (const nothing of [() => 0, () => 1, () => 2]) repeat(nothing, 10_000);

export function measure({ label, ways, each = 1 }: Row): Measured {
  const counts = Object.entries(ways).map(
    ([way, operation]) => [way, operation, callsIn(operation)] as const,
  );
  const turns = Array.from({ length: TURNS }, () => turn(counts));
  const times = Object.keys(ways).map((way, index) => [
    way,
    median(turns.map((samples) => samples[index]!)) / each,
  ]);
  return { label, times: Object.fromEntries(times) };
}

/** Nanoseconds per call, the median of the samples, in the order of the ways. */
function turn(ways: readonly (readonly [string, Operation, number])[]): number[] {
  const bench = new Bench({ time: TURN_TIME, iterations: 5, warmup: false, throws: true });
  for (const [way, operation, count] of ways) {
    bench.add(way, () => repeat(operation, count), { async: false });
  }
  return bench.runSync().map(({ result }, index) => {
    if (result.state !== 'completed') throw new Error(`a task is ${result.state}`);
    return (result.latency.p50 * 1e6) / ways[index]![2];
  });
}

function repeat(operation: Operation, count: number): void {
  for (let index = 0; index < count; index++) operation();
}

/** How many calls make a sample. */
function callsIn(operation: Operation): number {
  const start = process.hrtime.bigint();
  while (process.hrtime.bigint() - start < COMPILE_TIME) repeat(operation, 10);
  for (let count = 1; ; count *= 2) {
    const start = process.hrtime.bigint();
    repeat(operation, count);
    if (process.hrtime.bigint() - start > SAMPLE_TIME) return count;
  }
}
