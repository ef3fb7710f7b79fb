/** The results as people read them: a Markdown table for each scenario. */
import {
  CONTENDERS,
  LATENCY_REFERENCE,
  REFERENCE,
  referenceOf,
  TUNNEL_REFERENCE,
  WAY_REFERENCE,
  type ContenderName,
} from './contenders.ts';
import type { Machine } from './machine.ts';
import type {
  CostOutcome,
  LatencyOutcome,
  MemoryOutcome,
  Outcome,
  PairMemoryOutcome,
  PairOutcome,
  TunnelOutcome,
} from './measure.ts';
import type { LatencyRound } from './measure-latency.ts';
import { tunnelCost, unitsOf, wholeCost, type TunnelRound } from './measure-tunnel.ts';
import { describeScenario, messageOf } from './scenarios.ts';
import { median, ratios, spread } from './statistics.ts';
import { PERCENTILES, type Summary } from './summary.ts';
import { clientPerMessage, cpuPerMessage, type CostRound } from './under-load.ts';

export interface Run {
  readonly machine: Machine;
  readonly rounds: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly outcomes: readonly Outcome[];
}

/** What the JSON has: every round, and what programs such as a chart need of it. */
export interface Results extends Run {
  readonly summary: readonly Summary[];
}

type Cells = readonly (string | number)[];

export function toMarkdown({ machine, rounds, duration, outcomes }: Run): string {
  const parts = [
    '# Benchmark',
    describe(machine),
    `${rounds} rounds of ${duration / 1000} s, the contenders interleaved; every figure is a median.`,
    ...outcomes.flatMap(section),
  ];
  return `${parts.join('\n\n')}\n`;
}

export function section(outcome: Outcome): string[] {
  const { scenario, results } = outcome;
  return [
    `## ${scenario.name}`,
    `${describeScenario(scenario)}.`,
    tableOf(outcome),
    ...failures(results),
  ];
}

function tableOf(outcome: Outcome): string {
  switch (outcome.figure) {
    case 'cpu':
      return costTable(outcome);
    case 'latency':
      return latencyTable(outcome);
    case 'memory':
      return memoryTable(outcome);
    case 'pair-cpu':
      return pairTable(outcome);
    case 'pair-memory':
      return pairMemoryTable(outcome);
    case 'tunnel':
      return tunnelTable(outcome);
  }
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

function costTable({ scenario, results }: CostOutcome): string {
  const counted = messageOf(scenario);
  const reference = roundsOf(results, REFERENCE).map(cpuPerMessage);
  const rows = measured(results).map(({ contender, rounds }): Cells => {
    const cost = rounds.map(cpuPerMessage);
    return [
      contender,
      median(cost).toFixed(2),
      Math.min(...cost).toFixed(2),
      median(rounds.map(({ cost, messages }) => cost.system / messages)).toFixed(2),
      ratio(reference, cost),
      `${(spread(cost) * 100).toFixed(0)} %`,
      Math.round(median(rounds.map(rate))),
      `${Math.round(median(rounds.map(busy)) * 100)} %`,
      Math.round(median(rounds.map(({ octets, messages }) => octets / messages))),
    ];
  });
  const head = [
    '',
    `CPU µs/${counted}`,
    'least',
    'of it system',
    `${REFERENCE} ÷ this`,
    'spread',
    `${counted === 'delivery' ? 'deliveries' : `${counted}s`}/s`,
    'busy',
    'octets back',
  ];
  return table(head, rows);
}

function latencyTable({ results }: LatencyOutcome): string {
  const reference = roundsOf(results, LATENCY_REFERENCE);
  const rows = measured(results).map(({ contender, rounds }): Cells => {
    const figures = PERCENTILES.flatMap(({ key }) => {
      const times = (rounds: readonly LatencyRound[]): number[] =>
        rounds.map(({ roundTrips }) => roundTrips[key]);
      return [median(times(rounds)).toFixed(1), ratio(times(reference), times(rounds))];
    });
    return [contender, ...figures, Math.round(median(rounds.map(rate)))];
  });
  const columns = PERCENTILES.flatMap(({ title }) => [
    `${title} µs`,
    `${LATENCY_REFERENCE} ÷ this`,
  ]);
  return table(['', ...columns, 'messages/s'], rows);
}

/** The rows that have figures. */
function measured<Row extends { readonly rounds: readonly unknown[] }>(
  results: readonly Row[],
): readonly Row[] {
  return results.filter(({ rounds }) => rounds.length > 0);
}

function roundsOf<Round>(
  results: readonly { readonly contender: ContenderName; readonly rounds: readonly Round[] }[],
  name: ContenderName,
): readonly Round[] {
  return results.find(({ contender }) => contender === name)?.rounds ?? [];
}

function ratio(reference: readonly number[], values: readonly number[]): string {
  return reference.length === 0 ? '' : median(ratios(reference, values)).toFixed(2);
}

function rate({ messages, milliseconds }: CostRound): number {
  return (messages / milliseconds) * 1000;
}

function busy({ cost, milliseconds }: CostRound): number {
  return (cost.user + cost.system) / 1000 / milliseconds;
}

function memoryTable({ results }: MemoryOutcome): string {
  const rows = measured(results).map(({ contender, label, rounds }): Cells => {
    const rss = rounds.map(({ rss }) => rss);
    return [
      `${contender} ${label}`.trim(),
      kibibytes(median(rss)),
      kibibytes(median(rounds.map(({ heapUsed }) => heapUsed))),
      kibibytes(median(rounds.map(({ external }) => external))),
      `${kibibytes(Math.min(...rss))} to ${kibibytes(Math.max(...rss))}`,
    ];
  });
  return table(['', 'RSS', 'heap', 'external', 'RSS from'], rows);
}

function pairTable({ scenario, results }: PairOutcome): string {
  const figures = [clientPerMessage, cpuPerMessage];
  const rows = measured(results).map(({ contender, rounds }): Cells => {
    const reference = roundsOf(results, referenceOf(contender));
    const cells = figures.flatMap((figure) => {
      const costs = rounds.map(figure);
      return [
        median(costs).toFixed(2),
        ratio(reference.map(figure), costs),
        `${(spread(costs) * 100).toFixed(0)} %`,
      ];
    });
    return [contender, ...cells, Math.round(median(rounds.map(rate)))];
  });
  const counted = messageOf(scenario);
  const columns = ['client', 'server'].flatMap((end) => {
    return [`${end} CPU µs/${counted}`, 'TCP ÷ this', 'spread'];
  });
  return table(['', ...columns, `${counted}s/s`], rows);
}

function pairMemoryTable({ results }: PairMemoryOutcome): string {
  const rows = measured(results).map(({ contender, rounds }): Cells => {
    const reference = roundsOf(results, referenceOf(contender));
    const cells = (['client', 'server'] as const).flatMap((end) => {
      const rss = rounds.map((round) => round[end].rss);
      return [
        kibibytes(median(rss)),
        ratio(
          reference.map((round) => round[end].rss),
          rss,
        ),
        kibibytes(median(rounds.map((round) => round[end].heapUsed))),
        kibibytes(median(rounds.map((round) => round[end].external))),
      ];
    });
    return [contender, ...cells];
  });
  const columns = ['client', 'server'].flatMap((end) => {
    return [`${end} RSS`, 'TCP ÷ this', 'heap', 'external'];
  });
  return table(['', ...columns], rows);
}

/** Ratios to direct access are this ÷ direct: how many times as much. */
function tunnelTable({ scenario, results }: TunnelOutcome): string {
  const per =
    (figure: (round: TunnelRound) => number) =>
    (round: TunnelRound): number =>
      figure(round) / unitsOf(scenario, round);
  const figures = { own: per(tunnelCost), whole: per(wholeCost), p50: p50Of };
  const direct = roundsOf(results, WAY_REFERENCE);
  const reference = roundsOf(results, TUNNEL_REFERENCE);
  const rows = measured(results).map(({ contender, rounds }): Cells => {
    const own = rounds.map(figures.own);
    const times = (figure: (round: TunnelRound) => number): string =>
      ratio(rounds.map(figure), direct.map(figure));
    return [
      contender,
      median(rounds.map(per(({ cost }) => cost.relay))).toFixed(1),
      median(rounds.map(per(({ cost }) => cost.agent))).toFixed(1),
      median(own).toFixed(1),
      contender === WAY_REFERENCE ? '' : ratio(reference.map(figures.own), own),
      contender === WAY_REFERENCE ? '' : `${(spread(own) * 100).toFixed(0)} %`,
      median(rounds.map(figures.whole)).toFixed(1),
      times(figures.whole),
      ...(scenario.isBulk ? bulkCells(rounds, direct) : timeCells(rounds, direct)),
    ];
  });
  const unit = scenario.isBulk ? 'MB' : 'request';
  const head = [
    '',
    `relay CPU µs/${unit}`,
    'agent',
    'both',
    `${TUNNEL_REFERENCE} ÷ this`,
    'spread',
  ];
  const ends = scenario.isBulk
    ? ['MB/s', 'direct ÷ this', 'spread']
    : ['p50 µs', 'this ÷ direct', 'spread', 'p99 µs', 'requests/s'];
  return table([...head, 'with target', 'this ÷ direct', ...ends], rows);
}

function p50Of({ roundTrips }: TunnelRound): number {
  return roundTrips.p50;
}

function timeCells(rounds: readonly TunnelRound[], direct: readonly TunnelRound[]): Cells {
  const p50 = rounds.map(p50Of);
  return [
    median(p50).toFixed(0),
    ratio(p50, direct.map(p50Of)),
    `${(spread(p50) * 100).toFixed(0)} %`,
    median(rounds.map(({ roundTrips }) => roundTrips.p99)).toFixed(0),
    Math.round(
      median(rounds.map(({ messages, milliseconds }) => (messages / milliseconds) * 1000)),
    ),
  ];
}

function bulkCells(rounds: readonly TunnelRound[], direct: readonly TunnelRound[]): Cells {
  const throughput = ({ octets, milliseconds }: TunnelRound): number =>
    octets / milliseconds / 1000;
  const rates = rounds.map(throughput);
  return [
    Math.round(median(rates)),
    ratio(direct.map(throughput), rates),
    `${(spread(rates) * 100).toFixed(0)} %`,
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
