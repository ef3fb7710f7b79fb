/**
 * The results as a program wants them, a chart for instance: `summary` in the JSON. One entry for each
 * figure of a scenario, all of the same form, whatever was measured. Lower is better everywhere.
 */
import {
  CONTENDERS,
  LATENCY_REFERENCE,
  REFERENCE,
  referenceOf,
  TUNNEL_REFERENCE,
  WAY_REFERENCE,
  type ContenderName,
} from './contenders.ts';
import type {
  CostOutcome,
  LatencyOutcome,
  MemoryOutcome,
  Outcome,
  PairMemoryOutcome,
  PairOutcome,
  TunnelOutcome,
} from './measure.ts';
import { tunnelCost, unitsOf, wholeCost, type TunnelRound } from './measure-tunnel.ts';
import type { RoundTrips } from './operations.ts';
import { describeScenario, messageOf, type Counted, type PairScenario } from './scenarios.ts';
import { median, ratios } from './statistics.ts';
import type { Result } from './turns.ts';
import { clientPerMessage, cpuPerMessage } from './under-load.ts';

export type Unit =
  | `CPU µs per ${Counted | 'request' | 'MB'}`
  | 'µs per round trip'
  | 'µs per MB'
  | 'KiB per idle connection';

export interface Summary {
  /** Of the scenario; where that has several figures, this one's after a hyphen: `latency-100-p99`. */
  readonly name: string;
  readonly group: string;
  /** A phrase without a full stop. */
  readonly title: string;
  readonly unit: Unit;
  readonly lowerIsBetter: true;
  /** The contender that ratios refer to. */
  readonly reference: ContenderName;
  /** In the order of the scenario. Who failed, or could not be measured here, is not among them. */
  readonly rows: readonly SummaryRow[];
}

export interface SummaryRow {
  readonly contender: ContenderName;
  /** What distinguishes rows of the same contender; mostly the empty string. */
  readonly label: string;
  readonly title: string;
  /** The figure of each round, in the order of time: all contenders have the first round in common. */
  readonly rounds: readonly number[];
  readonly median: number;
  readonly least: number;
  /**
   * Reference ÷ this, the median of what each round says by itself: 2 means half the cost. Null where
   * the reference was not measured.
   */
  readonly ratio: number | null;
}

/** The percentiles of a latency scenario, and what they are called. */
export const PERCENTILES: readonly { readonly key: keyof RoundTrips; readonly title: string }[] = [
  { key: 'p50', title: 'p50' },
  { key: 'p99', title: 'p99' },
  { key: 'p999', title: 'p99.9' },
];

export function summarize(outcome: Outcome): Summary[] {
  switch (outcome.figure) {
    case 'cpu':
      return [summarizeCost(outcome)];
    case 'latency':
      return summarizeLatency(outcome);
    case 'memory':
      return [summarizeMemory(outcome)];
    case 'pair-cpu':
      return summarizePair(outcome);
    case 'pair-memory':
      return summarizePairMemory(outcome);
    case 'tunnel':
      return summarizeTunnel(outcome);
  }
}

function summarizeCost({ scenario, results }: CostOutcome): Summary {
  const { name, group } = scenario;
  return {
    name,
    group,
    title: describeScenario(scenario),
    unit: `CPU µs per ${messageOf(scenario)}`,
    lowerIsBetter: true,
    reference: REFERENCE,
    rows: toRows(results, cpuPerMessage, REFERENCE),
  };
}

function summarizeLatency({ scenario, results }: LatencyOutcome): Summary[] {
  const { name, group } = scenario;
  return PERCENTILES.map(({ key, title }) => ({
    name: `${name}-${key}`,
    group,
    title: `${describeScenario(scenario)}, ${title}`,
    unit: 'µs per round trip',
    lowerIsBetter: true,
    reference: LATENCY_REFERENCE,
    rows: toRows(results, ({ roundTrips }) => roundTrips[key], LATENCY_REFERENCE),
  }));
}

function summarizeMemory({ scenario, results }: MemoryOutcome): Summary {
  const { name, group } = scenario;
  return {
    name,
    group,
    title: describeScenario(scenario),
    unit: 'KiB per idle connection',
    lowerIsBetter: true,
    reference: REFERENCE,
    rows: toRows(results, ({ rss }) => rss / 1024, REFERENCE),
  };
}

function summarizePair({ scenario, results }: PairOutcome): Summary[] {
  const unit = `CPU µs per ${messageOf(scenario)}` as const;
  return [
    ...bothLinks(scenario, 'client', unit, results, clientPerMessage),
    ...bothLinks(scenario, 'server', unit, results, cpuPerMessage),
  ];
}

function summarizePairMemory({ scenario, results }: PairMemoryOutcome): Summary[] {
  const unit = 'KiB per idle connection';
  return [
    ...bothLinks(scenario, 'client', unit, results, ({ client }) => client.rss / 1024),
    ...bothLinks(scenario, 'server', unit, results, ({ server }) => server.rss / 1024),
  ];
}

/** The cost of the tunnels themselves, that with the target's, and the time it takes. */
function summarizeTunnel({ scenario, results }: TunnelOutcome): Summary[] {
  const cpu = scenario.isBulk ? 'CPU µs per MB' : 'CPU µs per request';
  const tunnels = results.filter(({ contender }) => contender !== WAY_REFERENCE);
  const of = (
    figure: string,
    unit: Unit,
    reference: ContenderName,
    some: readonly Result<TunnelRound>[],
    valueOf: (round: TunnelRound) => number,
  ): Summary => ({
    name: `${scenario.name}-${figure}`,
    group: scenario.group,
    title: `${describeScenario(scenario)}, ${figure}`,
    unit,
    lowerIsBetter: true,
    reference,
    rows: toRows(some, valueOf, reference),
  });
  const per = (round: TunnelRound, value: number): number => value / unitsOf(scenario, round);
  return [
    of('tunnel', cpu, TUNNEL_REFERENCE, tunnels, (round) => per(round, tunnelCost(round))),
    of('whole', cpu, WAY_REFERENCE, results, (round) => per(round, wholeCost(round))),
    scenario.isBulk
      ? of('time', 'µs per MB', WAY_REFERENCE, results, (round) =>
          per(round, round.milliseconds * 1000),
        )
      : of('p50', 'µs per round trip', WAY_REFERENCE, results, ({ roundTrips }) => roundTrips.p50),
  ];
}

/** One for each reference: without TLS, and with it. */
function bothLinks<Round>(
  scenario: PairScenario,
  end: string,
  unit: Unit,
  results: readonly Result<Round>[],
  figure: (round: Round) => number,
): Summary[] {
  return [false, true].flatMap((tls): Summary[] => {
    const alike = results.filter(({ contender }) => CONTENDERS[contender].link?.tls === tls);
    const [first] = alike;
    if (first === undefined) return [];
    const reference = referenceOf(first.contender);
    return [
      {
        name: `${scenario.name}-${end}${tls ? '-tls' : ''}`,
        group: scenario.group,
        title: `${describeScenario(scenario)}, ${end}${tls ? ', TLS' : ''}`,
        unit,
        lowerIsBetter: true,
        reference,
        rows: toRows(alike, figure, reference),
      },
    ];
  });
}

function toRows<Round>(
  results: readonly (Result<Round> & { readonly label?: string })[],
  figure: (round: Round) => number,
  name: ContenderName,
): SummaryRow[] {
  const whole = results.filter(({ error }) => error === undefined);
  // The first: where it is there in several ways, with its defaults.
  const reference = whole.find(({ contender }) => contender === name)?.rounds.map(figure) ?? [];
  return whole.map(({ contender, label = '', rounds }) => {
    const figures = rounds.map(figure);
    const { title } = CONTENDERS[contender];
    return {
      contender,
      label,
      title: label === '' ? title : `${title}, ${label}`,
      rounds: figures,
      median: median(figures),
      least: Math.min(...figures),
      ratio: reference.length === 0 ? null : median(ratios(reference, figures)),
    };
  });
}
