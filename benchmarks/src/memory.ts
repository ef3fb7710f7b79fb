/** What a process has in use once everything else has been collected. */
import { setTimeout } from 'node:timers/promises';
import type { Memory } from './operations.ts';

/** Finalizers of the first collection give back what only the next one sees. */
const COLLECTIONS = 3;

/** Milliseconds between them. */
const PAUSE = 100;

export async function memory(): Promise<Memory> {
  if (globalThis.gc === undefined) throw new Error('needs --expose-gc');
  for (let collection = 0; collection < COLLECTIONS; collection++) {
    globalThis.gc();
    await setTimeout(PAUSE);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}
