/**
 * `node benchmarks/dist/micro/run.js [--only masking,utf8]`: times the parts of which there is more
 * than one way, by size. What the thresholds in the code say can be held against these tables.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { copying } from './copying.ts';
import { frames } from './frames.ts';
import { handshake } from './handshake.ts';
import { masking } from './masking.ts';
import { measure } from './measure.ts';
import { toMarkdown, type Table } from './table.ts';
import { utf8 } from './utf8.ts';

const TOPICS: Readonly<Record<string, readonly Table[]>> = {
  masking,
  utf8,
  frames,
  copying,
  handshake,
};

const { values } = parseArgs({
  options: { only: { type: 'string', default: Object.keys(TOPICS).join() } },
});

function tablesOf(topic: string): readonly Table[] {
  if (Object.hasOwn(TOPICS, topic)) return TOPICS[topic]!;
  throw new RangeError(`no topic is called "${topic}": ${Object.keys(TOPICS).join(', ')}`);
}

const chosen = values.only.split(',').flatMap(tablesOf);

console.log(`# Micro-benchmarks

Node.js ${process.versions.node}, ${cpus()[0]?.model ?? process.arch}. Nanoseconds per operation, medians, some 4 ns
of the loop included; what the garbage collector does later is not in them. The fastest way of a row is bold.
`);
for (const table of chosen) {
  console.log(toMarkdown(table, Array.from(table.measured, measure)));
}
