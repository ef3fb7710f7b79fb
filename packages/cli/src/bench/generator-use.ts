/** What the load generator took itself: one that is busy all the time measures itself. */
import { performance, type EventLoopUtilization } from 'node:perf_hooks';

/** Part of the time from which on the figures say more about the client than about the server. */
const BUSY = 0.9;

export interface GeneratorUse {
  /** Part of the time the event loop was not waiting, from 0 to 1. */
  readonly eventLoop: number;
  /** Seconds of CPU time for each second, all threads together. */
  readonly cpu: number;
  readonly isBottleneck: boolean;
}

export class GeneratorMeter {
  readonly #eventLoop: EventLoopUtilization = performance.eventLoopUtilization();
  readonly #cpu: NodeJS.CpuUsage = process.cpuUsage();
  readonly #begin: number = performance.now();

  /** Since the meter was made. */
  read(): GeneratorUse {
    const { utilization } = performance.eventLoopUtilization(this.#eventLoop);
    const { user, system } = process.cpuUsage(this.#cpu);
    const elapsed = Math.max(performance.now() - this.#begin, 1);
    return generatorUse(utilization, (user + system) / 1000 / elapsed);
  }
}

export function generatorUse(eventLoop: number, cpu: number): GeneratorUse {
  return { eventLoop: round(eventLoop), cpu: round(cpu), isBottleneck: eventLoop > BUSY };
}

function round(part: number): number {
  return Math.round(part * 1000) / 1000;
}
