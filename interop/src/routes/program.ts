/** Programs of others that the run starts, and what they say. None of them outlives it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { EventQueue, patiently } from '../event-queue.ts';

/** Milliseconds until a program listens, and until it has ended after it was asked to. */
const STARTING = 10_000;
const ENDING = 3_000;

/** Nothing tells that a port is open or a file has grown: milliseconds until the next look. */
const INTERVAL = 20;

/** Characters of its output that are kept, those of the beginning. */
const MAX_OUTPUT = 200_000;

const running = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of running) signal(child, 'SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(name, () => process.exit(1));

export interface ProgramOptions {
  /** Where it will listen, and begins to be ready. */
  readonly port?: number;
  /** A file it logs to, if it does not log to its output. */
  readonly logFile?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class Program implements AsyncDisposable {
  /** What it prints to stdout, by lines. */
  readonly lines: EventQueue<string>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #logFile: string | undefined;
  #output = '';
  #hasEnded = false;

  private constructor(child: ChildProcess, name: string, logFile: string | undefined) {
    this.#child = child;
    this.#logFile = logFile;
    this.lines = new EventQueue(`line of ${name}`);
    this.#ended = once(child, 'close').catch((error: unknown) => this.#keep(String(error)));
    void this.#ended.then(() => {
      this.#hasEnded = true;
      running.delete(child);
      this.lines.end();
    });
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#keep(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.lines.push(line);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#keep(text));
  }

  /** Resolves when it listens on its port; it is in a group of processes of its own. */
  static async start(
    command: string,
    args: readonly string[],
    options: ProgramOptions = {},
  ): Promise<Program> {
    const { port, logFile, env = {} } = options;
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    running.add(child);
    const program = new Program(child, command, logFile);
    try {
      if (port !== undefined) await program.#listens(port, command);
      return program;
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What it has logged so far. */
  async log(): Promise<string> {
    if (this.#logFile === undefined) return this.#output;
    return readFile(this.#logFile, 'utf8').catch(() => '');
  }

  /** Waits until its log has what matches, behind the first characters of this number. */
  async says(pattern: RegExp, from: number): Promise<void> {
    const until = performance.now() + ENDING;
    while (!pattern.test((await this.log()).slice(from))) {
      if (performance.now() > until) {
        throw new Error(`no ${pattern} in the log:\n${await this.log()}`);
      }
      await delay(INTERVAL);
    }
  }

  /** Resolves when it has ended by itself. */
  async finishes(): Promise<void> {
    await patiently('end of the program', this.#ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) signal(this.#child, 'SIGTERM');
    await patiently('end of the program', this.#ended, ENDING).catch(() => undefined);
    // Its helpers may not have been told.
    signal(this.#child, 'SIGKILL');
    await patiently('end of the program', this.#ended, ENDING);
  }

  async #listens(port: number, command: string): Promise<void> {
    const until = performance.now() + STARTING;
    while (!(await accepts(port))) {
      if (this.#hasEnded || performance.now() > until) {
        throw new Error(`${command} does not listen:\n${this.#output}${await this.log()}`);
      }
      await delay(INTERVAL);
    }
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(0, MAX_OUTPUT);
  }
}

function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // The whole group has ended.
  }
}

function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).then((result) => {
    socket.destroy();
    return result === true;
  });
}

/** Ports that were given already, since whoever got one may not listen yet. */
const given = new Set<number>();

/** A port of 127.0.0.1 where nobody listens, below those that the system gives away meanwhile. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer();
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (isFree !== true) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
