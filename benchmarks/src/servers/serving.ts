/** What every server of the benchmark answers beside its echo. */
import { memory } from '../memory.ts';
import type { ServerOperations, ServerSettings, Usage } from '../operations.ts';
import { answer } from '../rpc.ts';

export const HOST = '127.0.0.1';

/** Connections that may wait to be accepted: thousands are opened at a time. */
export const BACKLOG = 4096;

export function serve(
  start: (settings: ServerSettings) => Promise<number>,
  sockets: () => Promise<number> = uncounted,
): void {
  answer<ServerOperations>({ start, usage, memory, sockets });
}

function uncounted(): never {
  throw new Error('this server does not count its sockets');
}

export function unknownStyle(style: string): never {
  throw new RangeError(`this server has no style "${style}"`);
}

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { user, system };
}
