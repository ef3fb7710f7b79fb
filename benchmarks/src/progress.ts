/**
 * How far the run is, on stderr. A terminal has one line that is written anew, with a bar; anything
 * else gets a line for each step.
 */
const BAR_WIDTH = 20;

/** Back to the first column, and what is behind it erased. */
const CLEAR = '\r\u001B[K';

export class Progress {
  readonly #isTerminal = process.stderr.isTTY;
  readonly #began = performance.now();
  /** Milliseconds that steps are expected to take: all of them, those behind, and the one there is. */
  #total = 0;
  #done = 0;
  #current = 0;
  #pace = 0;

  /** There is more to come. */
  expect(milliseconds: number): void {
    this.#total += milliseconds;
  }

  /** What is expected of each of the steps that follow. */
  pace(milliseconds: number): void {
    this.#pace = milliseconds;
  }

  step(text: string): void {
    this.#done += this.#current;
    this.#current = this.#pace;
    if (!this.#isTerminal) {
      process.stderr.write(`${this.#times()}  ${text}\n`);
      return;
    }
    const line = `${this.#bar()} ${this.#times()}  ${text}`;
    // A line that wraps could not be written anew.
    process.stderr.write(CLEAR + line.slice(0, (process.stderr.columns || 80) - 1));
  }

  /** A line that stays. */
  note(text: string): void {
    this.clear();
    process.stderr.write(`${text}\n`);
  }

  /** Room for what others write. */
  clear(): void {
    if (this.#isTerminal) process.stderr.write(CLEAR);
  }

  #times(): string {
    const elapsed = performance.now() - this.#began;
    // Steps so far took longer, or less long, than expected; so will the others.
    const factor = this.#done === 0 ? 1 : elapsed / this.#done;
    const left = Math.max(this.#total - this.#done, 0) * factor;
    return `${clockTime(elapsed)}, about ${clockTime(left)} left`;
  }

  #bar(): string {
    const filled = Math.min(Math.round((BAR_WIDTH * this.#done) / this.#total), BAR_WIDTH);
    return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
  }
}

/** Minutes and seconds. */
function clockTime(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
