/** The built command as a process of its own, seen only through its streams and its exit code. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/framewire.js', import.meta.url));

/** Milliseconds after which a process that hangs is killed. */
const PATIENCE = 60_000;

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What --json prints, as far as it is the same for every event. */
export type Event = Readonly<Record<string, unknown>> & { readonly event: string };

export class RunningCli implements AsyncDisposable {
  readonly ended: Promise<Ended>;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';

  constructor(
    args: readonly string[],
    input?: string,
    variables: Readonly<Record<string, string>> = {},
  ) {
    const environment = { ...process.env };
    for (const name of ['FRAMEWIRE_DEBUG', 'NO_COLOR', 'FORCE_COLOR', 'NODE_OPTIONS']) {
      Reflect.deleteProperty(environment, name);
    }
    Object.assign(environment, variables);
    this.#process = spawn(process.execPath, [BIN, ...args], {
      env: environment,
      stdio: 'pipe',
      timeout: PATIENCE,
      killSignal: 'SIGKILL',
    });
    const { stdin, stdout } = this.#process;
    if (input !== undefined) stdin?.end(input);
    if (stdout === null) throw new Error('there is no stdout');
    const lines = createInterface({ input: stdout });
    this.#lines = lines[Symbol.asyncIterator]();
    this.ended = this.#end();
  }

  /** The next line of stdout. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done !== true) return value;
    const { exitCode, stderr } = await this.ended;
    throw new Error(`no more lines: exit code ${exitCode}, ${stderr}`);
  }

  /** The next event of --json with that name; others are passed over. */
  async event(name: string): Promise<Event> {
    for (;;) {
      const event = JSON.parse(await this.line()) as Event;
      if (event.event === name) return event;
    }
  }

  /** Resolves when stderr has something that matches. */
  async remark(pattern: RegExp): Promise<void> {
    const { stderr } = this.#process;
    if (stderr === null) throw new Error('there is no stderr');
    while (!pattern.test(this.#stderr)) await once(stderr, 'data');
  }

  /** What stderr has so far. */
  get remarks(): string {
    return this.#stderr;
  }

  write(text: string): void {
    this.#process.stdin?.write(text);
  }

  endInput(): void {
    this.#process.stdin?.end();
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  closeOutput(): void {
    this.#process.stdout?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
  }

  async #end(): Promise<Ended> {
    let stdout = '';
    this.#process.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    const [exitCode] = (await once(this.#process, 'close')) as [number | null];
    return { exitCode, stdout, stderr: this.#stderr };
  }
}

/** Runs the command to its end. */
export function runCli(
  args: readonly string[],
  input: string = '',
  variables?: Readonly<Record<string, string>>,
): Promise<Ended> {
  return new RunningCli(args, input, variables).ended;
}

/** An echo server in a process of its own, and where it is. */
export async function startEcho(
  ...args: readonly string[]
): Promise<{ readonly cli: RunningCli; readonly url: string; readonly page: string }> {
  const cli = new RunningCli(['echo', '--port', '0', '--json', ...args]);
  const { webSocket, page } = await cli.event('listening');
  return { cli, url: String(webSocket), page: String(page) };
}
