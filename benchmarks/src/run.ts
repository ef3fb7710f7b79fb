/**
 * `node benchmarks/dist/run.js [--only a,b] [--rounds n] [--seconds s]`: measures servers beside each
 * other. Progress goes to stderr, the report to stdout, and both forms of the results to `--out`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { pinnableCores } from './child.ts';
import { contenderNamed } from './contenders.ts';
import { describeMachine } from './machine.ts';
import { measureEcho } from './measure-echo.ts';
import { measureMemory } from './measure-memory.ts';
import type { Plan } from './plan.ts';
import { legend, section, toMarkdown, type Outcome, type Results } from './report.ts';
import { chooseScenarios, SCENARIOS, type Scenario } from './scenarios.ts';

const RESULTS = join(import.meta.dirname, '../results');

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    contenders: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1.2' },
    warmup: { type: 'string', default: '0.3' },
    connections: { type: 'string' },
    cores: { type: 'string', default: '0,1' },
    out: { type: 'string', default: RESULTS },
    list: { type: 'boolean', default: false },
  },
});

function words(value: string): string[] {
  return value.split(',').filter((word) => word !== '');
}

function positive(name: string, value: string): number {
  const number = Number(value);
  if (number > 0 && number < 1e6) return number;
  throw new RangeError(`--${name} must be a positive number, got "${value}"`);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function plan(): Plan {
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
    progress,
  };
}

async function measure(scenario: Scenario, plan: Plan): Promise<Outcome> {
  return scenario.measure === 'echo'
    ? { scenario, results: await measureEcho(scenario, plan) }
    : { scenario, results: await measureMemory(scenario, plan) };
}

function list(): void {
  const lines = SCENARIOS.map(({ name, group, title }) => `- \`${name}\` (${group}): ${title}`);
  process.stdout.write(`${lines.join('\n')}\n\n${legend()}\n`);
}

/** After every scenario, so that a run that is broken off leaves what it has. */
function save(results: Results, stem: string): void {
  writeFileSync(`${stem}.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(`${stem}.md`, toMarkdown(results));
}

async function main(): Promise<void> {
  const scenarios = chooseScenarios(words(values.only));
  const given = plan();
  const { cores, rounds, duration } = given;
  if (cores === undefined) progress('processes cannot be bound to cores here');
  const outcomes: Outcome[] = [];
  const results: Results = { machine: describeMachine(cores), rounds, duration, outcomes };
  const stem = join(values.out, results.machine.date.replaceAll(/[:.]/g, '-'));
  mkdirSync(values.out, { recursive: true });
  process.stdout.write(toMarkdown(results));
  for (const scenario of scenarios) {
    const outcome = await measure(scenario, given);
    outcomes.push(outcome);
    process.stdout.write(`\n${section(outcome).join('\n\n')}\n`);
    save(results, stem);
  }
  progress(`written to ${relative(process.cwd(), stem)}.json and .md`);
  const failed = outcomes.some(({ results }) => results.some(({ error }) => error !== undefined));
  process.exitCode = failed ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

if (values.list) list();
else await main();
