/**
 * `node benchmarks/dist/run.js [--only a,b] [--rounds n] [--seconds s]`: measures servers and clients
 * beside each other. Progress goes to stderr, the report to stdout, and both forms of the results to `--out`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { pinnableCores } from './child.ts';
import { contenderNamed } from './contenders.ts';
import { buildGorilla, type Executable } from './gorilla.ts';
import { describeMachine } from './machine.ts';
import { measure, type Outcome } from './measure.ts';
import type { Plan } from './plan.ts';
import { Progress } from './progress.ts';
import { legend, section, toMarkdown, type Results, type Run } from './report.ts';
import { chooseScenarios, describeScenario, SCENARIOS, type Scenario } from './scenarios.ts';
import { summarize } from './summary.ts';
import { timesOf } from './timetable.ts';

const RESULTS = join(import.meta.dirname, '../results');

const OPTIONS = {
  only: { type: 'string', default: '' },
  contenders: { type: 'string', default: '' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '1.2' },
  warmup: { type: 'string', default: '0.3' },
  connections: { type: 'string' },
  cores: { type: 'string', default: '0,1' },
  out: { type: 'string', default: RESULTS },
  list: { type: 'boolean', default: false },
} as const;

const USAGE = `Options: ${Object.keys(OPTIONS)
  .map((name) => `--${name}`)
  .join(', ')}. benchmarks/README.md says what they do, --list what there is to measure.
`;

const values = readOptions();

function readOptions(): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'] {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

function words(value: string): string[] {
  return value.split(',').filter((word) => word !== '');
}

function positive(name: string, value: string): number {
  const number = Number(value);
  if (number > 0 && number < 1e6) return number;
  throw new RangeError(`--${name} must be a positive number, got "${value}"`);
}

const progress = new Progress();

function plan(gorilla: string | undefined): Plan {
  const { connections } = values;
  const [server = 0, load = 1] = words(values.cores).map(Number);
  return {
    rounds: Math.ceil(positive('rounds', values.rounds)),
    duration: 1000 * positive('seconds', values.seconds),
    warmup: 1000 * positive('warmup', values.warmup),
    contenders: words(values.contenders).map(contenderNamed),
    connections:
      connections === undefined ? undefined : Math.ceil(positive('connections', connections)),
    cores: pinnableCores(server, load),
    programs: { gorilla },
    progress,
  };
}

function list(): void {
  const lines = SCENARIOS.map((scenario) => {
    const { name, group } = scenario;
    return `- \`${name}\` (${group}): ${describeScenario(scenario)}`;
  });
  process.stdout.write(`${lines.join('\n')}\n\n${legend()}\n`);
}

/** After every scenario, so that a run that is broken off leaves what it has. */
function save(run: Run, stem: string): void {
  const { outcomes, ...rest } = run;
  const results: Results = { ...rest, summary: outcomes.flatMap(summarize), outcomes };
  writeFileSync(`${stem}.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(`${stem}.md`, toMarkdown(run));
}

/** Only where it is to be measured: the first time takes a while. */
function gorillaFor(scenarios: readonly Scenario[]): Executable | undefined {
  const chosen = words(values.contenders);
  const isWanted =
    chosen.length === 0 ? scenarios.some(mentionsGorilla) : chosen.includes('gorilla');
  const gorilla = isWanted ? buildGorilla() : undefined;
  if (typeof gorilla !== 'string') return gorilla;
  progress.note(`gorilla is left out: ${gorilla}`);
  return undefined;
}

function mentionsGorilla(scenario: Scenario): boolean {
  if (scenario.measure !== 'memory') return scenario.contenders.includes('gorilla');
  return scenario.variants.some(({ contender }) => contender === 'gorilla');
}

async function main(): Promise<void> {
  const scenarios = chooseScenarios(words(values.only));
  const gorilla = gorillaFor(scenarios);
  const given = plan(gorilla?.file);
  const { cores, rounds, duration } = given;
  if (cores === undefined) progress.note('processes cannot be bound to cores here');
  const outcomes: Outcome[] = [];
  const machine = describeMachine(cores, gorilla === undefined ? {} : { gorilla: gorilla.version });
  const run: Run = { machine, rounds, duration, outcomes };
  const stem = join(values.out, machine.date.replaceAll(/[:.]/g, '-'));
  mkdirSync(values.out, { recursive: true });
  process.stdout.write(toMarkdown(run));
  for (const scenario of scenarios) {
    const { steps, step } = timesOf(scenario, given);
    progress.expect(steps * step);
  }
  for (const scenario of scenarios) {
    progress.pace(timesOf(scenario, given).step);
    const outcome = await measure(scenario, given);
    outcomes.push(outcome);
    progress.clear();
    process.stdout.write(`\n${section(outcome).join('\n\n')}\n`);
    save(run, stem);
  }
  progress.note(`written to ${relative(process.cwd(), stem)}.json and .md`);
  const failed = outcomes.some(({ results }) => results.some(({ error }) => error !== undefined));
  process.exitCode = failed ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

if (values.list) list();
else await main();
