import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Interruption } from '#src/interruption.js';
import { chooseSpeech, type Speech, type SpeechOptions } from '#src/speech.js';
import { Screen } from '#src/terminal.js';
import { recordingOutput } from './outputs.js';

function choose(isTTY: boolean, options: Partial<SpeechOptions>): Speech {
  using interruption = new Interruption();
  const output = recordingOutput(isTTY);
  return chooseSpeech({
    input: Object.assign(new PassThrough(), { isTTY }),
    output,
    screen: new Screen({ output, errors: recordingOutput(isTTY), colours: false }),
    interruption,
    execute: [],
    wait: undefined,
    json: false,
    ...options,
  });
}

function summary({ isInteractive, wait }: Speech): readonly [boolean, number] {
  return [isInteractive, wait];
}

test('somebody at a terminal has a prompt, and Ctrl-D closes at once', () => {
  assert.deepEqual(summary(choose(true, {})), [true, 0]);
});

test('a pipe has none; answers are awaited for a second, or for --wait', () => {
  assert.deepEqual(summary(choose(false, {})), [false, 1000]);
  assert.deepEqual(summary(choose(false, { wait: 0 })), [false, 0]);
  assert.deepEqual(summary(choose(false, { wait: Infinity })), [false, Infinity]);
});

test('--execute says it all, unless somebody at a terminal stays for ever', () => {
  const execute = ['hello'];
  assert.deepEqual(summary(choose(true, { execute })), [false, 1000]);
  assert.deepEqual(summary(choose(false, { execute, wait: Infinity })), [false, Infinity]);
  assert.deepEqual(summary(choose(true, { execute, wait: Infinity })), [true, 0]);
});

test('--json is for programs: no prompt, also at a terminal', () => {
  assert.deepEqual(summary(choose(true, { json: true })), [false, 1000]);
});
