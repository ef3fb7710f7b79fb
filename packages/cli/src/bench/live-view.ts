/** Some lines that are rewritten while a run goes on. */
import readline from 'node:readline';
import type { Output, Paint } from '../terminal.ts';
import { countOf, formatCount, formatOctets, formatTime } from './figures.ts';
import type { LoadProgress, Phase } from './load.ts';
import type { LoadSettings } from './load-settings.ts';

/** Columns of a terminal that does not tell how many it has. */
const COLUMNS = 80;

/** Columns left free at the right: a terminal writes ^C where the cursor is. */
const MARGIN = 3;

const BAR_LENGTH = 20;
const TITLE_WIDTH = 14;

/** Looks at the load that the rate is taken from, so that it does not flicker. */
const MOST_LOOKS = 5;

export type Terminal = Output & { readonly columns?: number };

export class LiveView {
  readonly #output: Terminal;
  readonly #paint: Paint;
  readonly #settings: LoadSettings;
  #rows = 0;
  #looks: LoadProgress[] = [];

  constructor(output: Terminal, paint: Paint, settings: LoadSettings) {
    this.#output = output;
    this.#paint = paint;
    this.#settings = settings;
  }

  connecting(opened: number, failed: number): void {
    const { connections } = this.#settings;
    const title = `connecting  ${formatCount(opened)} of ${countOf(connections, 'connection')}`;
    this.#write(title, failed === 0 ? [] : [`${formatCount(failed)} failed`], true);
  }

  show(progress: LoadProgress): void {
    this.#looks = [...this.#looks, progress].slice(-MOST_LOOKS);
    const { phase, elapsed } = progress;
    const whole = this.#durationOf(phase);
    const time = `${seconds(Math.min(elapsed, whole))} of ${seconds(whole)} s`;
    const title = `${TITLES[phase].padEnd(TITLE_WIDTH)}${bar(elapsed / whole)} ${time}`;
    this.#write(title, [this.#volume(), this.#latency(progress)], progress.failures > 0);
  }

  /** Takes the lines away again. */
  clear(): void {
    if (this.#rows === 0) return;
    readline.moveCursor(this.#output, 0, 1 - this.#rows);
    readline.cursorTo(this.#output, 0);
    readline.clearScreenDown(this.#output);
    this.#rows = 0;
  }

  #volume(): string {
    const rate = this.#rate();
    const octets = formatOctets(rate * this.#settings.size);
    return `${formatCount(rate)} messages/s  ${octets}/s each way`;
  }

  #latency({ p50, p99, inFlight, failures }: LoadProgress): string {
    const text = (time: number | undefined): string =>
      time === undefined ? '–' : formatTime(time);
    const waiting = `${formatCount(inFlight)} in flight`;
    return [`p50 ${text(p50)}`, `p99 ${text(p99)}`, countOf(failures, 'error'), waiting].join('  ');
  }

  /** Messages a second over the last looks. */
  #rate(): number {
    const first = this.#looks[0];
    const last = this.#looks.at(-1);
    if (first === undefined || last === undefined || last.now <= first.now) return 0;
    return ((last.answers - first.answers) * 1000) / (last.now - first.now);
  }

  #durationOf(phase: Phase): number {
    const { warmup, duration, answerTimeout } = this.#settings;
    if (phase === 'warmup') return warmup;
    return phase === 'draining' ? answerTimeout : duration;
  }

  #write(title: string, figures: readonly string[], hasFailed: boolean): void {
    this.clear();
    const columns = Math.max((this.#output.columns ?? COLUMNS) - MARGIN, 1);
    // A line that wrapped would be two, and one of them would stay.
    const lines = figures.map((line) => line.slice(0, columns));
    const painted = hasFailed ? lines.map((line) => this.#paint('yellow', line)) : lines;
    this.#output.write([this.#paint('bold', title.slice(0, columns)), ...painted].join('\n'));
    this.#rows = 1 + lines.length;
  }
}

const TITLES: Readonly<Record<Phase, string>> = {
  ready: 'connecting',
  warmup: 'warming up',
  measuring: 'measuring',
  draining: 'last answers',
  done: 'closing',
};

function bar(part: number): string {
  const length = Math.round(Math.min(part, 1) * BAR_LENGTH);
  return '█'.repeat(length) + '░'.repeat(BAR_LENGTH - length);
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1).replace(/\.0$/u, '');
}
