import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generatorUse } from '#src/bench/generator-use.js';
import { Latencies } from '#src/bench/latencies.js';
import type { BenchResult } from '#src/bench/result.js';
import { summaryOf } from '#src/bench/summary.js';
import { painter } from '#src/terminal.js';

const latencies = new Latencies();
latencies.record(2);

const RESULT: BenchResult = {
  url: 'ws://127.0.0.1:8080/',
  time: '2026-11-21T12:00:00.000Z',
  versions: { framewire: '0.1.0', node: 'v20.19.0' },
  options: {
    connections: 10,
    window: 1,
    rate: undefined,
    type: 'text',
    size: 64,
    duration: 10_000,
    warmup: 1000,
    answerTimeout: 5000,
    compression: false,
    http2: false,
    proxy: false,
    subprotocols: [],
    headers: [],
  },
  interrupted: false,
  elapsed: 10_000,
  connections: {
    opened: 10,
    failedToOpen: 0,
    broken: 0,
    subprotocol: '',
    extensions: '',
    httpVersion: '1.1',
  },
  connectTime: latencies.summary() ?? null,
  sent: { messages: 50_000, messagesPerSecond: 5000, octets: 3_200_000, octetsPerSecond: 320_000 },
  received: {
    messages: 50_000,
    messagesPerSecond: 5000,
    octets: 3_200_000,
    octetsPerSecond: 320_000,
  },
  traffic: { sent: 3_500_000, received: 3_300_000 },
  schedule: null,
  latency: latencies.summary() ?? null,
  latencyFromSending: null,
  unanswered: 0,
  errors: [],
  closes: {},
  generator: generatorUse(0.5, 0.4),
};

function linesOf(result: Partial<BenchResult>): string[] {
  return summaryOf({ ...RESULT, ...result }, painter(false)).split('\n');
}

test('a closed loop without errors', () => {
  assert.deepEqual(linesOf({}), [
    'ws://127.0.0.1:8080/',
    '10 connections, 1 message in flight on each, 64 octets of text, 10.0 s',
    '',
    'messages    50,000 echoed, 5,000 messages/s',
    'sent        320 kB/s (3.20 MB of payload)',
    'received    320 kB/s (3.20 MB of payload)',
    'connecting  p50 2.00 ms   p99 2.00 ms   max 2.00 ms',
    'latency     p50 2.00 ms   p90 2.00 ms   p99 2.00 ms   p99.9 2.00 ms   max 2.00 ms',
    '            mean 2.00 ms',
    'errors      none',
    'this client 40 % of a core, event loop busy 50 % of the time',
  ]);
});

test('an open loop says from when latency counts, and shows the other figure as what it is', () => {
  const lines = linesOf({
    options: { ...RESULT.options, rate: 5000 },
    schedule: { due: 50_000, answered: 49_000 },
    latencyFromSending: latencies.summary() ?? null,
    unanswered: 1000,
  });
  assert.equal(lines[1], '10 connections, 5,000 messages/s due, 64 octets of text, 10.0 s');
  assert.deepEqual(lines.slice(9, 15), [
    '            from when a message was due: coordinated omission is corrected',
    'as sent     p50 2.00 ms   p90 2.00 ms   p99 2.00 ms   p99.9 2.00 ms   max 2.00 ms',
    '            mean 2.00 ms',
    '            from when it was sent, uncorrected: without the wait before that',
    'schedule    49,000 of 50,000 messages due were answered',
    'unanswered  1,000 messages; the time waited in vain counts as latency',
  ]);
});

test('errors are counted by what they were, closes by their code', () => {
  const lines = linesOf({
    connections: { ...RESULT.connections, opened: 8, failedToOpen: 2, broken: 3 },
    errors: [
      { text: 'the server refused', count: 2 },
      { text: 'closed by the server: 1001', count: 3 },
    ],
    closes: { 1001: 3 },
    interrupted: true,
  });
  assert.match(lines[1] ?? '', /^8 of 10 connections, .* 10\.0 s, interrupted$/u);
  assert.deepEqual(lines.slice(9, 13), [
    'errors      2 connections did not open, 3 connections broke',
    '            2 × the server refused',
    '            3 × closed by the server: 1001',
    'close codes 1001: 3',
  ]);
});

test('a client that was busy all the time says so', () => {
  assert.doesNotMatch(linesOf({ generator: generatorUse(0.9, 1) }).join('\n'), /bottleneck/u);
  const busy = linesOf({ generator: generatorUse(0.91, 1) });
  assert.match(busy.at(-1) ?? '', /this client was the bottleneck/u);
});

test('with compression: what was agreed on, and what that saved (RFC 7692)', () => {
  const options = { ...RESULT.options, compression: true };
  const extensions = 'permessage-deflate';
  const lines = linesOf({ options, connections: { ...RESULT.connections, extensions } });
  assert.equal(lines[2], 'permessage-deflate');
  assert.equal(lines[7], 'on the wire 350 kB/s sent, 330 kB/s received');
  assert.equal(linesOf({ options })[2], 'without compression: the server declined');
});

test('a subprotocol and a URL cannot drive the terminal', () => {
  const connections = { ...RESULT.connections, subprotocol: 'chat\u009b2J' };
  const lines = linesOf({ connections, url: 'ws://x/\u001b[2J' });
  assert.deepEqual([lines[0], lines[2]], ['ws://x/\\x1b[2J', 'subprotocol chat\\x9b2J']);
});
