/** An example as its reader starts it: in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Run {
  readonly child: ChildProcess;
  /** The first line of its output; all of it, should it end without a line. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<{ code: number | null; signal: string | null; output: string }>;
}

/** Milliseconds after which an example that does not end is ended. */
const TIMEOUT = 30_000;

export function runExample(file: string, options: readonly string[] = []): Run {
  const path = join(import.meta.dirname, '..', file);
  const child = spawn(process.execPath, [path, ...options], { timeout: TIMEOUT });
  let output = '';
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  const firstLine = new Promise<string>((resolve) => {
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
      const end = output.indexOf('\n');
      if (end >= 0) resolve(output.slice(0, end));
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    void closed.then(() => resolve(output));
  });
  return { child, firstLine, ended: closed.then(([code, signal]) => ({ code, signal, output })) };
}
