/** What a run found, for people. */
import { sanitizeLine } from '../sanitize.ts';
import type { Paint } from '../terminal.ts';
import { countOf, formatCount, formatOctets, formatPart, formatTime } from './figures.ts';
import type { LatencySummary } from './latencies.ts';
import type { BenchResult, RunOptions, Volume } from './result.ts';

const LABEL_WIDTH = 12;
/** Of `1.25 ms` with the space around it. */
const TIME_WIDTH = 11;

export function summaryOf(result: BenchResult, paint: Paint): string {
  const { received } = result;
  const rate = paint('bold', `${formatCount(received.messagesPerSecond)} messages/s`);
  return [
    paint('bold', sanitizeLine(result.url)),
    describeRun(result),
    ...agreedRows(result),
    '',
    row('messages', `${formatCount(received.messages)} echoed, ${rate}`),
    row('sent', describeVolume(result.sent)),
    row('received', describeVolume(received)),
    ...trafficRows(result),
    ...(result.connectTime === null
      ? []
      : [row('connecting', describeTimes(result.connectTime, ['p50', 'p99', 'max']))]),
    ...latencyRows(result),
    ...scheduleRows(result, paint),
    ...errorRows(result, paint),
    ...generatorRows(result, paint),
  ].join('\n');
}

function row(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${text}`;
}

function describeRun({ options, elapsed, connections, interrupted }: BenchResult): string {
  const { opened } = connections;
  const isWhole = opened === options.connections;
  const missing = isWhole ? '' : `${formatCount(opened)} of `;
  return [
    missing + countOf(options.connections, 'connection'),
    describePace(options),
    `${countOf(options.size, 'octet')} of ${options.type}`,
    `${(elapsed / 1000).toFixed(1)} s${interrupted ? ', interrupted' : ''}`,
  ].join(', ');
}

function describePace({ rate, window }: RunOptions): string {
  if (rate !== undefined) return `${countOf(rate, 'message')}/s due`;
  return `${countOf(window, 'message')} in flight on each`;
}

function agreedRows({ options, connections }: BenchResult): string[] {
  const { subprotocol, extensions, httpVersion } = connections;
  const rows = subprotocol === '' ? [] : [`subprotocol ${sanitizeLine(subprotocol)}`];
  if (options.http2 && httpVersion !== null) rows.push(`over HTTP/${httpVersion}`);
  if (!options.compression) return rows;
  return [...rows, extensions === '' ? 'without compression: the server declined' : extensions];
}

function describeVolume({ octets, octetsPerSecond }: Volume): string {
  return `${formatOctets(octetsPerSecond)}/s (${formatOctets(octets)} of payload)`;
}

/** Only with compression does it say more than the payloads do. */
function trafficRows({ traffic, connections, elapsed }: BenchResult): string[] {
  if (traffic === null || connections.extensions === '' || elapsed === 0) return [];
  const rate = (octets: number): string => `${formatOctets((octets * 1000) / elapsed)}/s`;
  return [row('on the wire', `${rate(traffic.sent)} sent, ${rate(traffic.received)} received`)];
}

function latencyRows({ latency, latencyFromSending, options }: BenchResult): string[] {
  if (latency === null) return [];
  const rows = timeRows('latency', latency);
  if (options.rate === undefined) return rows;
  return [
    ...rows,
    row('', 'from when a message was due: coordinated omission is corrected'),
    ...(latencyFromSending === null ? [] : timeRows('as sent', latencyFromSending)),
    row('', 'from when it was sent, uncorrected: without the wait before that'),
  ];
}

function timeRows(label: string, times: LatencySummary): string[] {
  return [
    row(label, describeTimes(times, ['p50', 'p90', 'p99', 'p99_9', 'max'])),
    row('', `mean ${formatTime(times.mean)}`),
  ];
}

type TimeName = 'p50' | 'p90' | 'p99' | 'p99_9' | 'max';

function describeTimes(times: LatencySummary, names: readonly TimeName[]): string {
  const columns = names.map((name) => `${name.replace('_', '.')} ${formatTime(times[name])}`);
  const widths = names.map((name) => name.length + TIME_WIDTH);
  return columns
    .map((text, index) => text.padEnd(widths[index] ?? 0))
    .join('')
    .trimEnd();
}

function scheduleRows({ schedule, unanswered }: BenchResult, paint: Paint): string[] {
  const rows: string[] = [];
  if (schedule !== null) {
    const { due, answered } = schedule;
    const text = `${formatCount(answered)} of ${countOf(due, 'message')} due were answered`;
    rows.push(row('schedule', answered < due ? paint('yellow', text) : text));
  }
  if (unanswered > 0) {
    const text = `${countOf(unanswered, 'message')}; the time waited in vain counts as latency`;
    rows.push(row('unanswered', paint('yellow', text)));
  }
  return rows;
}

function errorRows({ errors, closes, connections }: BenchResult, paint: Paint): string[] {
  const counts: string[] = [];
  const { failedToOpen, broken } = connections;
  if (failedToOpen > 0) counts.push(`${countOf(failedToOpen, 'connection')} did not open`);
  if (broken > 0) counts.push(`${countOf(broken, 'connection')} broke`);
  if (counts.length === 0) return [row('errors', 'none')];
  const codes = Object.entries(closes).map(([code, count]) => `${code}: ${formatCount(count)}`);
  return [
    row('errors', paint('red', counts.join(', '))),
    ...errors.map(({ text, count }) => row('', `${formatCount(count)} × ${text}`)),
    ...(codes.length === 0 ? [] : [row('close codes', codes.join(', '))]),
  ];
}

function generatorRows({ generator }: BenchResult, paint: Paint): string[] {
  if (generator === null) return [];
  const { cpu, eventLoop, isBottleneck } = generator;
  const text = `${formatPart(cpu)} of a core, event loop busy ${formatPart(eventLoop)} of the time`;
  const rows = [row('this client', text)];
  if (!isBottleneck) return rows;
  const warning = 'this client was the bottleneck: the figures say more about it than the server';
  return [...rows, row('', paint('yellow', warning))];
}
