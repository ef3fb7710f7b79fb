/** The processes of a run: each knows its file, the core it is bound to, and how to be asked. */
import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Caller, type Operations } from './rpc.ts';

/** Servers and load each have a core for themselves, so that neither takes time from the other. */
export interface Cores {
  readonly server: number;
  readonly load: number;
}

/** Undefined where processes cannot be bound to a core, or there is only one. */
export function pinnableCores(server: number, load: number): Cores | undefined {
  if (process.platform !== 'linux' || availableParallelism() < 2) return undefined;
  const probe = spawnSync('taskset', ['--cpu-list', `${server},${load}`, 'true']);
  return probe.status === 0 ? { server, load } : undefined;
}

const children = new Set<ChildProcess>();

/** No child outlives the run; a child that lost its parent ends by itself as well. */
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export interface Program {
  /** Of the compiled program, without `.js`, in the folder of this file. */
  readonly name: string;
  /** The file of a program that needs no Node, but speaks over its channel. */
  readonly executable?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly core: number | undefined;
}

export class Child<T extends Operations<T>> {
  readonly #process: ChildProcess;
  readonly #caller: Caller<T>;

  constructor({ name, executable, env, core }: Program) {
    const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
    const run =
      executable === undefined ? [process.execPath, '--expose-gc', script] : ['env', executable];
    const [command = '', ...args] =
      core === undefined ? run : ['taskset', '--cpu-list', String(core), ...run];
    // `fork` runs any program in Node's place, and gives it the channel.
    this.#process = fork(args.pop()!, {
      execPath: command,
      execArgv: args,
      env: { ...process.env, ...env },
    });
    children.add(this.#process);
    this.#process.on('exit', () => children.delete(this.#process));
    this.#caller = new Caller(this.#process);
  }

  call<Name extends keyof T & string>(
    name: Name,
    ...argument: Parameters<T[Name]>
  ): Promise<Awaited<ReturnType<T[Name]>>> {
    return this.#caller.call(name, ...argument);
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
  }
}
