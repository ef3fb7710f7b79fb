/** Counts what comes back, and times it. */
import type { Sample } from '../operations.ts';

export class Meter {
  messages = 0;
  octets = 0;

  /** What happens until `work` is done. `verified` counts without end. */
  async measure(verified: () => number, work: () => Promise<void>): Promise<Sample> {
    this.messages = 0;
    this.octets = 0;
    const verifiedBefore = verified();
    const usageBefore = process.cpuUsage();
    const began = performance.now();
    await work();
    const milliseconds = performance.now() - began;
    const usage = process.cpuUsage(usageBefore);
    const { messages, octets } = this;
    return { messages, verified: verified() - verifiedBefore, octets, milliseconds, usage };
  }
}
