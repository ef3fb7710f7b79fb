/** One line to type on, which stays whole while other lines are written above it. */
import { on } from 'node:events';
import readline from 'node:readline';
import type { Readable } from 'node:stream';
import type { Output } from './terminal.ts';

export interface PromptOptions {
  readonly input: Readable;
  readonly output: Output;
  readonly text: string;
  /** Filled with what is typed, newest first, so that the next prompt knows it. */
  readonly history: string[];
  /** Ctrl-C: in raw mode it is a key, not a signal. */
  readonly onInterrupt: () => void;
}

export class Prompt implements Disposable {
  readonly #interface: readline.Interface;
  readonly #output: Output;
  readonly #lines: AsyncIterable<string[]>;
  #isClosed = false;

  constructor({ input, output, text, history, onInterrupt }: PromptOptions) {
    this.#output = output;
    this.#interface = readline.createInterface({
      input,
      output,
      prompt: text,
      terminal: true,
      history: [...history],
      historySize: 500,
      removeHistoryDuplicates: true,
    });
    this.#interface.on('history', (lines) => history.splice(0, history.length, ...lines));
    this.#interface.on('SIGINT', onInterrupt);
    this.#interface.once('close', () => {
      this.#isClosed = true;
      this.#erase();
    });
    this.#lines = on(this.#interface, 'line', { close: ['close'] }) as AsyncIterable<string[]>;
    this.#interface.prompt();
  }

  /** What is typed, until Ctrl-D or `close`. */
  async *lines(): AsyncGenerator<string> {
    for await (const [line = ''] of this.#lines) {
      yield line;
      if (!this.#isClosed) this.#interface.prompt(true);
    }
  }

  /** Lets `write` put whole lines on the output, and draws the prompt again below them. */
  above(write: () => boolean): boolean {
    if (this.#isClosed) return write();
    this.#erase();
    const hasRoom = write();
    this.#interface.prompt(true);
    return hasRoom;
  }

  /** Takes the prompt, and what is typed, off the screen; the cursor is where the prompt began. */
  #erase(): void {
    const { rows } = this.#interface.getCursorPos();
    readline.moveCursor(this.#output, 0, -rows);
    readline.cursorTo(this.#output, 0);
    readline.clearScreenDown(this.#output);
    // How many rows up the interface will go before it draws. It does not count those that a paste
    // has wrapped into, so the number it has kept may be wrong either way.
    Reflect.set(this.#interface, 'prevRows', 0);
  }

  [Symbol.dispose](): void {
    if (!this.#isClosed) this.#interface.close();
  }
}
