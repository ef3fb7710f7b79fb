/** What a run has to tell: on the way, and at its end. */
import { jsonLine } from '../reporter.ts';
import type { Screen } from '../terminal.ts';
import type { LiveView } from './live-view.ts';
import type { LoadProgress } from './load.ts';
import type { BenchResult } from './result.ts';
import type { RunObserver, Verdict } from './run.ts';
import { summaryOf } from './summary.ts';

export class BenchReporter implements RunObserver {
  readonly #screen: Screen;
  /** Undefined where nobody looks. */
  readonly #view: LiveView | undefined;
  readonly #json: boolean;

  constructor(screen: Screen, view: LiveView | undefined, json: boolean) {
    this.#screen = screen;
    this.#view = view;
    this.#json = json;
  }

  opening(opened: number, failed: number): void {
    this.#view?.connecting(opened, failed);
  }

  loading(progress: LoadProgress): void {
    this.#view?.show(progress);
  }

  async finished(result: BenchResult, { text, exitCode, isMeasured }: Verdict): Promise<void> {
    this.#view?.clear();
    if (this.#json) await this.#screen.result(jsonLine({ ...result, exitCode }));
    else if (isMeasured) await this.#screen.result(summaryOf(result, this.#screen.paint));
    if (text !== undefined) this.#screen.error(text);
  }
}
