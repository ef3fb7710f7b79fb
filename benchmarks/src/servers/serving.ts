/** What every server of the benchmark answers beside its echo. */
import { setTimeout } from 'node:timers/promises';
import type { Memory, ServerOperations, ServerSettings, Usage } from '../operations.ts';
import { answer } from '../rpc.ts';

export const HOST = '127.0.0.1';

/** Connections that may wait to be accepted: thousands are opened at a time. */
export const BACKLOG = 4096;

/** Finalizers of the first collection give back what only the next one sees. */
const COLLECTIONS = 3;

/** Milliseconds between them. */
const PAUSE = 100;

export function serve(start: (settings: ServerSettings) => Promise<number>): void {
  answer<ServerOperations>({ start, usage, memory });
}

export function unknownStyle(style: string): never {
  throw new RangeError(`this server has no style "${style}"`);
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { user, system };
}

async function memory(): Promise<Memory> {
  if (globalThis.gc === undefined) throw new Error('needs --expose-gc');
  for (let collection = 0; collection < COLLECTIONS; collection++) {
    globalThis.gc();
    await setTimeout(PAUSE);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}
