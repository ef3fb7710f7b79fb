/** Counts what happened and prints a line for each scenario, the total as the last one. */
export class Report {
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  readonly #started = performance.now();

  heading(peer: string, version: string, subject: string): void {
    print(`\n${peer} ${version} against ${subject}`);
  }

  /** Plays, times and tells; true when it passed. */
  async attempt(who: string, title: string, play: () => Promise<void>): Promise<boolean> {
    const from = performance.now();
    try {
      await play();
    } catch (error) {
      this.failed(who, title, error);
      return false;
    }
    this.#passed++;
    print(`✓ ${who}: ${title} (${Math.round(performance.now() - from)} ms)`);
    return true;
  }

  failed(who: string, title: string, error: unknown): void {
    this.#failed++;
    print(`✗ ${who}: ${title}\n${indent(describe(error))}`);
  }

  /** A peer that could not be started at all. */
  skipped(peer: string, reason: string): void {
    this.#skipped++;
    print(`- ${peer}: skipped, ${reason}`);
  }

  /** Scenarios that make no sense with a peer: not counted, but not kept secret either. */
  inapplicable(who: string, reasons: ReadonlyMap<string, number>): void {
    for (const [reason, count] of reasons) print(`  ${who}: ${count} not played, ${reason}`);
  }

  /** Prints the total; true when nothing failed and something was played. */
  finish(): boolean {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1);
    const counts = [`${this.#passed} passed`, `${this.#failed} failed`, `${this.#skipped} skipped`];
    print(`\nin ${seconds} s\n${counts.join(', ')}`);
    return this.#failed === 0 && this.#passed + this.#skipped > 0;
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
