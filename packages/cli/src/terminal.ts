/** The terminal: what is painted, where lines go, and how a prompt survives lines that arrive. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { Prompt } from './prompt.ts';

export type Format = 'cyan' | 'dim' | 'green' | 'red' | 'yellow' | 'bold';
export type Paint = (format: Format, text: string) => string;

/** A stream that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean };

/** Colours are for terminals, and for nobody who says no (https://no-color.org). */
export function usesColours(
  output: Output,
  wanted: boolean,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const isRefused = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  return wanted && output.isTTY === true && !isRefused;
}

export function painter(enabled: boolean): Paint {
  if (!enabled) return (_format, text) => text;
  // The decision is taken already; the function must not take it again.
  return (format, text) => styleText(format, text, { validateStream: false });
}

export interface ScreenOptions {
  /** Where messages and events go. */
  readonly output: Output;
  /** Where errors go, and whatever is said about the connection unless a person sits in front. */
  readonly errors: Output;
  /** `false` for --no-color. */
  readonly colours: boolean;
}

/** The two outputs of the process, kept clear of the prompt while there is one. */
export class Screen {
  readonly isTerminal: boolean;
  readonly paint: Paint;
  readonly #output: Output;
  readonly #errors: Output;
  readonly #paintErrors: Paint;
  #prompt: Prompt | undefined;

  constructor({ output, errors, colours }: ScreenOptions) {
    this.#output = output;
    this.#errors = errors;
    this.isTerminal = output.isTTY === true;
    this.paint = painter(usesColours(output, colours));
    this.#paintErrors = painter(usesColours(errors, colours));
  }

  /** While it is there, lines are written above it. */
  set prompt(prompt: Prompt | undefined) {
    this.#prompt = prompt;
  }

  /** A result: what the command is run for. Resolves when the reader has room for more. */
  async result(text: string): Promise<void> {
    if (this.#write(this.#output, text) || this.#output.writableEnded) return;
    await once(this.#output, 'drain');
  }

  /** A remark about the connection; not part of the output when that goes to a file or a pipe. */
  status(text: string): void {
    if (this.isTerminal) this.#write(this.#output, this.paint('dim', text));
    else this.#write(this.#errors, this.#paintErrors('dim', text));
  }

  warning(text: string): void {
    this.#write(this.#errors, this.#paintErrors('yellow', text));
  }

  error(text: string): void {
    this.#write(this.#errors, `${this.#paintErrors('red', 'framewire:')} ${text}`);
  }

  #write(stream: Output, text: string): boolean {
    const write = (): boolean => stream.write(`${text}\n`);
    return this.#prompt === undefined ? write() : this.#prompt.above(write);
  }
}
