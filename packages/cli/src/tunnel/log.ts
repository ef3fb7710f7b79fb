/** What a relay or an agent tells while it runs: lines for people, or objects of JSON for programs. */
import { once } from 'node:events';
import pino from 'pino';
import type { Format, Screen } from '../terminal.ts';

export type Level = 'info' | 'warn' | 'error';

export interface Entry {
  readonly level?: Level;
  /** Such as `request`, for programs. */
  readonly event: string;
  /** For programs; never a secret. What is undefined is left out. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** For people, in one line that is harmless to a terminal. */
  readonly text: string;
  readonly format?: Format;
}

export interface Log {
  write(entry: Entry): void;
  /** Resolves when everything is written. */
  end(): Promise<void>;
}

/** For people, on a terminal. */
export class TextLog implements Log {
  readonly #screen: Screen;
  readonly #now: () => Date;

  constructor(screen: Screen, now: () => Date = () => new Date()) {
    this.#screen = screen;
    this.#now = now;
  }

  write({ level = 'info', text, format }: Entry): void {
    const { paint } = this.#screen;
    const time = paint('dim', this.#now().toTimeString().slice(0, 8));
    const colour = format ?? COLOURS[level];
    void this.#screen.result(`${time} ${colour === undefined ? text : paint(colour, text)}`);
  }

  async end(): Promise<void> {}
}

const COLOURS: Readonly<Record<Level, Format | undefined>> = {
  info: undefined,
  warn: 'yellow',
  error: 'red',
};

/** Octets that wait for whoever reads the log; lines beyond them are lost, rather than requests. */
const MAX_WAITING = 16 * 1024 * 1024;

/** For programs: a line each, on stdout, which is written without holding anybody up. */
export class JsonLog implements Log {
  readonly #destination = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING });
  readonly #logger: pino.Logger;

  constructor() {
    // As where stdout is written otherwise: whoever read it has seen enough.
    this.#destination.on('error', (error: Error) => process.stdout.emit('error', error));
    this.#logger = pino(
      {
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (level) => ({ level }) },
      },
      this.#destination,
    );
  }

  write({ level = 'info', event, fields, text }: Entry): void {
    // Of requests there are many, and the fields say it all.
    if (event === 'request') this.#logger.info({ event, ...fields });
    else this.#logger[level]({ event, ...fields }, text);
  }

  async end(): Promise<void> {
    this.#destination.end();
    await once(this.#destination, 'close');
  }
}

export function createLog(screen: Screen, isJson: boolean): Log {
  return isJson || !screen.isTerminal ? new JsonLog() : new TextLog(screen);
}
