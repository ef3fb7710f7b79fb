import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveView } from '#src/bench/live-view.js';
import type { LoadProgress } from '#src/bench/load.js';
import type { LoadSettings } from '#src/bench/load-settings.js';
import { painter } from '#src/terminal.js';
import { recordingOutput, type RecordingOutput } from '../outputs.js';

const SETTINGS: LoadSettings = {
  connections: 10,
  window: 1,
  rate: undefined,
  type: 'text',
  size: 1000,
  duration: 10_000,
  warmup: 1000,
  answerTimeout: 5000,
};

const PROGRESS: LoadProgress = {
  phase: 'measuring',
  now: 0,
  elapsed: 2500,
  answers: 0,
  p50: 0.25,
  p99: 12.5,
  inFlight: 10,
  failures: 0,
};

/** Takes the rewritten lines away: moves up to the first, to its beginning, and clears from there. */
const CLEARED = /\u001b\[2A\u001b\[1G\u001b\[0J/gu;

function viewOn(output: RecordingOutput): LiveView {
  return new LiveView(output, painter(false), SETTINGS);
}

test('a measurement is three lines, which the next look replaces', () => {
  const output = recordingOutput(true);
  const view = viewOn(output);
  view.show(PROGRESS);
  view.show({ ...PROGRESS, now: 500, elapsed: 3000, answers: 1000 });
  const [first, second] = output.text.split(CLEARED);
  assert.deepEqual(first?.split('\n'), [
    'measuring     █████░░░░░░░░░░░░░░░ 2.5 of 10 s',
    '0 messages/s  0 B/s each way',
    'p50 0.250 ms  p99 12.5 ms  0 errors  10 in flight',
  ]);
  assert.deepEqual(second?.split('\n').slice(0, 2), [
    'measuring     ██████░░░░░░░░░░░░░░ 3 of 10 s',
    '2,000 messages/s  2.00 MB/s each way',
  ]);
});

test('the rate is that of the last looks, not of the whole run', () => {
  const output = recordingOutput(true);
  const view = viewOn(output);
  for (let look = 0; look < 10; look++) {
    view.show({ ...PROGRESS, now: look * 250, answers: look < 5 ? 0 : (look - 4) * 100 });
  }
  assert.match(output.text.split(CLEARED).at(-1) ?? '', /\n400 messages\/s/u);
});

test('before anything was measured there are no latencies', () => {
  const output = recordingOutput(true);
  viewOn(output).show({
    ...PROGRESS,
    phase: 'warmup',
    elapsed: 500,
    p50: undefined,
    p99: undefined,
  });
  assert.match(output.text, /^warming up .* 0\.5 of 1 s\n.*\np50 – {2}p99 –/u);
});

test('connecting, and what did not connect', () => {
  const output = recordingOutput(true);
  const view = viewOn(output);
  view.connecting(4, 0);
  assert.equal(output.text, 'connecting  4 of 10 connections');
  view.connecting(5, 1);
  assert.match(output.text, /connecting {2}5 of 10 connections\n1 failed$/u);
});

test('no line wraps: what does not fit is left out, with room for a ^C', () => {
  const output = Object.assign(recordingOutput(true), { columns: 30 });
  viewOn(output).show(PROGRESS);
  assert.deepEqual(
    output.text.split('\n').map((line) => line.length),
    [27, 27, 27],
  );
});

test('cleared, nothing is left of it, and nothing is cleared twice', () => {
  const output = recordingOutput(true);
  const view = viewOn(output);
  view.clear();
  assert.equal(output.text, '');
  view.show(PROGRESS);
  view.clear();
  view.clear();
  assert.match(output.text, /0J$/u);
  assert.equal(output.text.match(CLEARED)?.length, 1);
});
