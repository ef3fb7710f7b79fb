/** Calls from the runner to its children: numbered requests, and answers with the same number. */
import type { ChildProcess } from 'node:child_process';

/** What a child can be asked for. `never` is a parameter of any type: the name tells which. */
export type Operations<T> = Readonly<Record<keyof T, (argument: never) => unknown>>;

interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** The child's side. It ends with the runner, however that ends. */
export function answer<T extends Operations<T>>(operations: T): void {
  const table = new Map<string, (argument: never) => unknown>(Object.entries(operations));
  const respond = async ({ id, name, argument }: Request): Promise<Answer> => {
    try {
      const operation = table.get(name);
      if (operation === undefined) throw new Error(`no operation ${name}`);
      return { id, result: await operation(argument as never) };
    } catch (error) {
      return { id, error: error instanceof Error ? error.message : String(error) };
    }
  };
  process.on('message', (request: Request) => {
    void respond(request).then((response) => process.send?.(response));
  });
  process.on('disconnect', () => process.exit());
}

/** Milliseconds an answer may take; the longest operation opens thousands of connections. */
const PATIENCE = 90_000;

/** The runner's side. */
export class Caller<T extends Operations<T>> {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #nextId = 1;
  /** Why nothing more will be answered. */
  #end: string | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (answer: Answer) => this.#pending.get(answer.id)?.(answer));
    child.on('error', (error) => this.#fail(error.message));
    child.on('exit', (code, signal) => this.#fail(`the process ended with ${code ?? signal}`));
  }

  async call<Name extends keyof T & string>(
    name: Name,
    ...[argument]: Parameters<T[Name]>
  ): Promise<Awaited<ReturnType<T[Name]>>> {
    if (this.#end !== undefined) throw new Error(`${name}: ${this.#end}`);
    const id = this.#nextId++;
    const { result, error } = await new Promise<Answer>((resolve) => {
      const tooLate = `no answer within ${PATIENCE} ms`;
      const timer = setTimeout(() => resolve({ id, error: tooLate }), PATIENCE);
      this.#pending.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#child.send({ id, name, argument } satisfies Request);
    });
    this.#pending.delete(id);
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    return result as Awaited<ReturnType<T[Name]>>;
  }

  #fail(error: string): void {
    this.#end = error;
    for (const [id, settle] of this.#pending) settle({ id, error });
  }
}
