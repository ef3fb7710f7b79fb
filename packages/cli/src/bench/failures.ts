/** What went wrong with connections, counted, and which of it decides the exit code. */
import { HandshakeError, type CloseInfo } from 'framewire';
import { describeError } from '../describe-error.ts';
import { ExitCode, exitCodeOfClose, exitCodeOfError } from '../exit-codes.ts';
import { describeClose } from '../reporter.ts';

/** Different texts that are kept: a peer may think of a new reason for each connection. */
const MOST_TEXTS = 20;
const OTHERS = 'others';

export interface Failure {
  readonly text: string;
  readonly exitCode: ExitCode;
  /** The code of a Close that arrived, or what stands for none (RFC 6455 §7.1.5). */
  readonly closeCode?: number;
}

export function failureOfOpening(error: unknown): Failure {
  const text = isOutOfFiles(error) ? OUT_OF_FILES : describeError(error);
  return { text, exitCode: exitCodeOfError(error) };
}

const OUT_OF_FILES =
  'this process may not open so many connections (EMFILE); ulimit -n tells and sets how many';

function isOutOfFiles(error: unknown): boolean {
  const cause = error instanceof HandshakeError ? error.cause : error;
  return cause instanceof Error && 'code' in cause && cause.code === 'EMFILE';
}

/** A connection ended that should have gone on; even a clean end is a failure then. */
export function failureOfClose(info: CloseInfo): Failure {
  const { error, code } = info;
  const exitCode = exitCodeOfClose(info, 'client');
  return {
    text: error === undefined ? `closed ${describeClose(info)}` : `failed: ${describeError(error)}`,
    exitCode: exitCode === ExitCode.ok ? ExitCode.error : exitCode,
    closeCode: code,
  };
}

export function failureOfSilence(milliseconds: number): Failure {
  return {
    text: `no answer within ${milliseconds / 1000} s; bench needs a server that echoes`,
    exitCode: ExitCode.timeout,
  };
}

export function failureOfAnswer(mistake: string): Failure {
  return {
    text: `the server does not echo: ${mistake}`,
    exitCode: ExitCode.error,
  };
}

export class Failures {
  readonly #texts = new Map<string, number>();
  readonly #closes = new Map<number, number>();
  #first: Failure | undefined;
  #count = 0;

  add(failure: Failure): void {
    this.#count++;
    this.#first ??= failure;
    const isKnown = this.#texts.has(failure.text) || this.#texts.size < MOST_TEXTS;
    increment(this.#texts, isKnown ? failure.text : OTHERS);
    if (failure.closeCode !== undefined) increment(this.#closes, failure.closeCode);
  }

  get count(): number {
    return this.#count;
  }

  get first(): Failure | undefined {
    return this.#first;
  }

  /** What went wrong, and how often. */
  get texts(): ReadonlyMap<string, number> {
    return this.#texts;
  }

  get closes(): ReadonlyMap<number, number> {
    return this.#closes;
  }
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
