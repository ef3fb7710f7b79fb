/** The results as people read them: a Markdown table for each scenario. */
import { CONTENDERS, REFERENCE, type ContenderName } from './contenders.ts';
import type { Machine } from './machine.ts';
import type { EchoResult, EchoRound } from './measure-echo.ts';
import type { MemoryResult } from './measure-memory.ts';
import type { EchoScenario, MemoryScenario } from './scenarios.ts';
import { median, spread } from './statistics.ts';

export type Outcome =
  | { readonly scenario: EchoScenario; readonly results: readonly EchoResult[] }
  | { readonly scenario: MemoryScenario; readonly results: readonly MemoryResult[] };

export interface Results {
  readonly machine: Machine;
  readonly rounds: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly outcomes: readonly Outcome[];
}

type Cells = readonly (string | number)[];

export function toMarkdown({ machine, rounds, duration, outcomes }: Results): string {
  const parts = [
    '# Benchmark',
    describe(machine),
    `${rounds} rounds of ${duration / 1000} s, the contenders interleaved; every figure is a median.`,
    ...outcomes.flatMap(section),
  ];
  return `${parts.join('\n\n')}\n`;
}

export function section(outcome: Outcome): string[] {
  return 'kind' in outcome.scenario
    ? echoSection(outcome.scenario, outcome.results as readonly EchoResult[])
    : memorySection(outcome.scenario, outcome.results as readonly MemoryResult[]);
}

function describe(machine: Machine): string {
  const { pinned, packages } = machine;
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  const binding =
    pinned === undefined
      ? 'not bound to cores: the figures include the scheduler'
      : `servers on core ${pinned.server}, load on core ${pinned.load}`;
  return [
    `- ${machine.date}, ${machine.cpu}, ${machine.cores} cores, ${mebibytes(machine.memory)} MiB`,
    `- ${machine.os}, Node.js ${machine.node}, zlib ${machine.zlib}`,
    `- ${versions.join(', ')}`,
    `- ${binding}; load average before ${machine.loadBefore.toFixed(2)}`,
  ].join('\n');
}

function echoSection(scenario: EchoScenario, results: readonly EchoResult[]): string[] {
  const { name, title, kind, connections, window } = scenario;
  const reference = results.find(({ contender }) => contender === REFERENCE)?.rounds ?? [];
  const ahead = window === 1 ? '' : `, ${window} messages ahead`;
  const rows = results
    .filter(({ rounds }) => rounds.length > 0)
    .map(({ contender, rounds }): Cells => {
      const cost = rounds.map(cpuPerMessage);
      const against = rounds.flatMap((round, index) => {
        const other = reference[index];
        return other === undefined ? [] : [cpuPerMessage(other) / cpuPerMessage(round)];
      });
      return [
        contender,
        median(cost).toFixed(2),
        Math.min(...cost).toFixed(2),
        median(rounds.map(({ server, messages }) => server.system / messages)).toFixed(2),
        against.length === 0 ? '' : median(against).toFixed(2),
        `${(spread(cost) * 100).toFixed(0)} %`,
        Math.round(median(rounds.map(rate))),
        `${Math.round(median(rounds.map(busy)) * 100)} %`,
        Math.round(median(rounds.map(({ octets, messages }) => octets / messages))),
      ];
    });
  const head = [
    '',
    'CPU µs/message',
    'least',
    'of it system',
    `${REFERENCE} ÷ this`,
    'spread',
    'messages/s',
    'busy',
    'octets back',
  ];
  return [
    `## ${name}`,
    `Echo of ${kind}, ${title}, ${connections} connections${ahead}.`,
    table(head, rows),
    ...failures(results),
  ];
}

/** Microseconds. */
function cpuPerMessage({ server, messages }: EchoRound): number {
  return (server.user + server.system) / messages;
}

function rate({ messages, milliseconds }: EchoRound): number {
  return (messages / milliseconds) * 1000;
}

function busy({ server, milliseconds }: EchoRound): number {
  return (server.user + server.system) / 1000 / milliseconds;
}

function memorySection(scenario: MemoryScenario, results: readonly MemoryResult[]): string[] {
  const rows = results
    .filter(({ rounds }) => rounds.length > 0)
    .map(({ contender, label, rounds }): Cells => {
      const rss = rounds.map(({ rss }) => rss);
      return [
        `${contender} ${label}`.trim(),
        kibibytes(median(rss)),
        kibibytes(median(rounds.map(({ heapUsed }) => heapUsed))),
        kibibytes(median(rounds.map(({ external }) => external))),
        `${kibibytes(Math.min(...rss))} to ${kibibytes(Math.max(...rss))}`,
      ];
    });
  return [
    `## ${scenario.name}`,
    `KiB per idle connection: ${scenario.title}.`,
    table(['', 'RSS', 'heap', 'external', 'RSS from'], rows),
    ...failures(results),
  ];
}

interface Failing {
  readonly contender: ContenderName;
  readonly error: string | undefined;
}

function failures(results: readonly Failing[]): string[] {
  return results
    .filter(({ error }) => error !== undefined)
    .map(({ contender, error }) => `**${contender} failed**: ${error}`);
}

/** What the names in the tables stand for. */
export function legend(): string {
  const lines = Object.entries(CONTENDERS).map(([name, { title }]) => `- \`${name}\`: ${title}`);
  return lines.join('\n');
}

function table(head: readonly string[], rows: readonly Cells[]): string {
  const all = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length), 3));
  const lines = all.map((row) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    );
    return `| ${cells.join(' | ')} |`;
  });
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [lines[0], `| ${rule.join(' | ')} |`, ...lines.slice(1)].join('\n');
}

function kibibytes(octets: number): string {
  return (octets / 1024).toFixed(1);
}

function mebibytes(octets: number): number {
  return Math.round(octets / 1024 / 1024);
}
