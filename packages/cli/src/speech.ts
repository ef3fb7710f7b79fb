/** Where the lines to send come from: --execute, a pipe, or a person at a prompt. */
import { linesOf } from './lines.ts';
import { Prompt } from './prompt.ts';
import type { Interruption } from './interruption.ts';
import type { Output, Screen } from './terminal.ts';
import type { Readable } from 'node:stream';

/** Milliseconds to listen after the last line, unless --wait says otherwise. */
const DEFAULT_WAIT = 1_000;

export interface SpeechOptions {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Output;
  readonly screen: Screen;
  readonly interruption: Interruption;
  readonly execute: readonly string[];
  /** Milliseconds. */
  readonly wait: number | undefined;
  readonly json: boolean;
}

export interface Speech {
  readonly lines: (signal: AbortSignal) => AsyncIterable<string>;
  readonly wait: number;
  readonly isInteractive: boolean;
}

export function chooseSpeech(options: SpeechOptions): Speech {
  const { input, screen, execute, wait, json } = options;
  const atPrompt = input.isTTY === true && screen.isTerminal && !json;
  if (execute.length > 0 && !(atPrompt && wait === Infinity)) {
    const lines = (): AsyncIterable<string> => repeat(execute, options);
    return { lines, wait: wait ?? DEFAULT_WAIT, isInteractive: false };
  }
  if (atPrompt) {
    const history: string[] = [];
    const lines = (signal: AbortSignal): AsyncIterable<string> => typed(options, history, signal);
    // Ctrl-D at the prompt means: close now.
    return { lines, wait: 0, isInteractive: true };
  }
  const lines = (signal: AbortSignal): AsyncIterable<string> => linesOf(input, signal);
  return { lines, wait: wait ?? DEFAULT_WAIT, isInteractive: false };
}

/** What --execute gave; shown where somebody watches. */
async function* repeat(
  lines: readonly string[],
  { screen, json }: SpeechOptions,
): AsyncGenerator<string> {
  for (const line of lines) {
    if (screen.isTerminal && !json) screen.status(`> ${line}`);
    yield line;
  }
}

async function* typed(
  options: SpeechOptions,
  history: string[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { input, output, screen, interruption, execute } = options;
  yield* repeat(execute, options);
  if (signal.aborted) return;
  using prompt = new Prompt({
    input,
    output,
    text: '> ',
    history,
    onInterrupt: interruption.trigger,
  });
  const stop = (): void => prompt[Symbol.dispose]();
  signal.addEventListener('abort', stop, { once: true });
  screen.prompt = prompt;
  try {
    yield* prompt.lines();
  } finally {
    screen.prompt = undefined;
    signal.removeEventListener('abort', stop);
  }
}
