/** What a topic is made of, and its tables as people read them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Operation = () => unknown;

/** A row: ways to the same end, with the same input. */
export interface Row {
  readonly label: string | number;
  /** By the title of the column; a way that does not exist for this row is left out. */
  readonly ways: Readonly<Record<string, Operation>>;
  /** How many operations one call stands for. Default 1. */
  readonly each?: number;
}

/** What in the code a table is there to decide. */
export interface Decision {
  /** A constant, whose value is shown, or a function. */
  readonly name: string;
  /** Below `packages/framewire/src`. */
  readonly file: string;
  /** The way that is to be taken from the constant on, and the one below it. */
  readonly from?: readonly [above: string, below: string];
}

export interface Table {
  readonly title: string;
  /** Heads the first column. */
  readonly rows: string;
  /** A row is made when it is its turn, and then forgotten. */
  readonly measured: Iterable<Row>;
  readonly decides: readonly Decision[];
  /** The columns are different things, not ways to choose from. */
  readonly unlike?: boolean;
}

export interface Measured {
  readonly label: string | number;
  /** Nanoseconds. */
  readonly times: Readonly<Record<string, number>>;
}

const SOURCES = join(import.meta.dirname, '../../../packages/framewire/src');

export function toMarkdown(
  { title, rows: head, decides, unlike }: Table,
  rows: readonly Measured[],
) {
  const ways = [...new Set(rows.flatMap(({ times }) => Object.keys(times)))];
  const lines = rows.map(({ label, times }) => {
    const least = unlike === true ? undefined : Math.min(...Object.values(times));
    return [String(label), ...ways.map((way) => cell(times[way], least))];
  });
  const verdicts = decides.map((decision) => `- ${verdict(decision, rows)}`);
  return `## ${title}\n\n${grid([head, ...ways], lines)}\n\n${verdicts.join('\n')}\n`;
}

function cell(time: number | undefined, least: number | undefined): string {
  if (time === undefined) return '';
  const digits = time < 100 ? time.toFixed(1) : String(Math.round(time));
  return time === least ? `**${digits}**` : digits;
}

function verdict({ name, file, from }: Decision, rows: readonly Measured[]): string {
  const value = valueOf(name, file);
  const present = value === undefined ? '' : `, now ${value}`;
  const found = from === undefined ? '' : `; here, ${crossing(from, rows)}`;
  return `for \`${name}\` in ${file}${present}${found}`;
}

/**
 * From which row on the one way would have to be taken to lose the least over all rows: a single
 * figure that was disturbed does not move it far.
 */
function crossing([above, below]: readonly [string, string], rows: readonly Measured[]): string {
  const both = rows.filter(({ times }) => above in times && below in times);
  const gains = both.map(({ times }) => Math.log(times[below]! / times[above]!));
  const sums = [...gains, 0].map((_, from) =>
    gains.slice(from).reduce((sum, gain) => sum + gain, 0),
  );
  const from = both[sums.indexOf(Math.max(...sums))];
  return from === undefined
    ? `“${above}” does not pay against “${below}”`
    : `“${above}” pays against “${below}” from ${from.label} on`;
}

/** Read from the source, so that what is shown is what is there; undefined for a function. */
function valueOf(name: string, file: string): string | undefined {
  const source = readFileSync(join(SOURCES, file), 'utf8');
  if (new RegExp(`^(export )?function ${name}\\(|^  ${name}\\(`, 'm').test(source))
    return undefined;
  const value = new RegExp(`^(?:export )?const ${name}(?:: \\w+)? = (.+);$`, 'm').exec(source)?.[1];
  if (value === undefined) throw new Error(`${file} has no ${name} any more`);
  return value;
}

function grid(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...lines].map((line) => line[column]!.length)),
  );
  const written = [head, ...lines].map((line) => {
    const cells = line.map((text, column) => text.padStart(widths[column]!));
    return `| ${cells.join(' | ')} |`;
  });
  const rule = `| ${widths.map((width) => `${'-'.repeat(width - 1)}:`).join(' | ')} |`;
  return [written[0], rule, ...written.slice(1)].join('\n');
}
