/** `node benchmarks/dist/charts.js results.json [--out docs/charts]`: the results of a run as SVG. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toSvg } from './chart.ts';
import type { Results } from './report.ts';
import type { Summary } from './summary.ts';

interface Page {
  readonly file: string;
  readonly title: string;
  readonly groups: readonly string[];
  /** Who is shown. Default all. */
  readonly contenders?: readonly string[];
}

const PAGES: readonly Page[] = [
  {
    file: 'overview',
    title: 'Times less CPU than ws',
    groups: ['echo', 'handshake', 'broadcast', 'client'],
    // Text reaches an application of framewire as a string.
    contenders: ['framewire', 'ws-string'],
  },
  { file: 'echo', title: 'Times less CPU than ws: echo', groups: ['echo'] },
  { file: 'compression', title: 'Times less CPU than ws: compression', groups: ['compression'] },
  {
    file: 'handshake-broadcast',
    title: 'Times less CPU than ws: opening handshakes and broadcasts',
    groups: ['handshake', 'broadcast'],
  },
  { file: 'client', title: 'Times less CPU than ws: clients', groups: ['client'] },
  { file: 'latency', title: 'Times less latency than a bare socket', groups: ['latency'] },
  { file: 'memory', title: 'Times less memory than ws', groups: ['memory'] },
  {
    file: 'sessions',
    title: 'Times less on one HTTP/2 session than on TCP, with TLS',
    groups: ['sessions'],
    contenders: ['framewire-tcp-tls', 'framewire-http2-tls'],
  },
];

const { values, positionals } = parseArgs({
  options: { out: { type: 'string', default: 'docs/charts' } },
  allowPositionals: true,
});

function chosen({ groups, contenders }: Page, summary: readonly Summary[]): Summary[] {
  return summary
    .filter(({ group }) => groups.includes(group))
    .map((one) => ({
      ...one,
      rows: one.rows.filter(({ contender }) => contenders?.includes(contender) ?? true),
    }))
    .filter(({ rows }) => rows.some(({ ratio }) => ratio !== null && ratio !== 1));
}

function describe(machine: Results['machine'], summaries: readonly Summary[]): string {
  const { node, packages, cpu, date } = machine;
  const rounds = summaries.flatMap(({ rows }) => rows.map(({ rounds }) => rounds.length));
  return `Node.js ${node}, ws ${packages['ws']}, ${cpu}, ${date.slice(0, 10)}; rounds: ${Math.max(...rounds)}`;
}

function main(file: string): void {
  const { machine, summary } = JSON.parse(readFileSync(file, 'utf8')) as Results;
  mkdirSync(values.out, { recursive: true });
  for (const page of PAGES) {
    const summaries = chosen(page, summary);
    if (summaries.length === 0) continue;
    const path = join(values.out, `${page.file}.svg`);
    const footer = describe(machine, summaries);
    writeFileSync(path, toSvg({ title: page.title, footer, summaries }));
    process.stderr.write(`${path}\n`);
  }
}

const [file, ...more] = positionals;
if (file === undefined || more.length > 0) throw new TypeError('one JSON of results is needed');
main(file);
