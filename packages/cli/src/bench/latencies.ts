/** Times as counts in buckets, exact to three digits: Node's own HDR histogram. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

const NANOSECONDS = 1e6;

/** A day; what takes longer counts as a day. */
const LONGEST = 86_400_000 * NANOSECONDS;

/** What the whole distribution is told at. */
const PERCENTILES = [1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100];

/** Times that are put into buckets one by one when many are recorded together. */
const MOST_SAMPLES = 100_000;

export interface PercentileTime {
  readonly percentile: number;
  readonly milliseconds: number;
}

/** All in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p99_9: number;
  readonly max: number;
  /** More of them, finer towards the end. */
  readonly percentiles: readonly PercentileTime[];
}

export class Latencies {
  readonly #histogram: RecordableHistogram = emptyHistogram();

  get count(): number {
    return this.#histogram.count;
  }

  record(milliseconds: number): void {
    this.#histogram.record(toNanoseconds(milliseconds));
  }

  /** Records that many times, spread evenly from the shortest to the longest. */
  recordEvenly(count: number, shortest: number, longest: number): void {
    if (count <= 0) return;
    // One of many stands for all that are close to it.
    const repeats = Math.ceil(count / MOST_SAMPLES);
    const samples = Math.round(count / repeats);
    const step = samples > 1 ? (longest - shortest) / (samples - 1) : 0;
    const spread = repeats === 1 ? this.#histogram : emptyHistogram();
    for (let index = 0; index < samples; index++) {
      spread.record(toNanoseconds(shortest + index * step));
    }
    if (repeats === 1) return;
    for (let repeat = 0; repeat < repeats; repeat++) this.#histogram.add(spread);
  }

  /** Undefined while there is none. */
  percentile(percentile: number): number | undefined {
    if (this.count === 0) return undefined;
    return toMilliseconds(this.#histogram.percentile(percentile));
  }

  summary(): LatencySummary | undefined {
    if (this.count === 0) return undefined;
    const { count, mean, min, max } = this.#histogram;
    const at = (percentile: number): number =>
      toMilliseconds(this.#histogram.percentile(percentile));
    return {
      count,
      mean: toMilliseconds(mean),
      min: toMilliseconds(min),
      p50: at(50),
      p90: at(90),
      p99: at(99),
      p99_9: at(99.9),
      max: toMilliseconds(max),
      percentiles: PERCENTILES.map((percentile) => ({
        percentile,
        milliseconds: at(percentile),
      })),
    };
  }
}

function emptyHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: LONGEST, figures: 3 });
}

function toNanoseconds(milliseconds: number): number {
  return Math.min(Math.max(Math.round(milliseconds * NANOSECONDS), 1), LONGEST);
}

/** To the microsecond: more is not measured. */
function toMilliseconds(nanoseconds: number): number {
  return Math.round(nanoseconds / 1000) / 1000;
}
