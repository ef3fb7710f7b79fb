import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { Prompt } from '#src/prompt.js';
import { painter, Screen, usesColours, type Output } from '#src/terminal.js';
import { recordingOutput } from './outputs.js';

const terminal = recordingOutput(true);
const pipe = recordingOutput(false);

test('colours are for terminals, unless somebody says no', () => {
  assert.equal(usesColours(terminal, true, {}), true);
  assert.equal(usesColours(pipe, true, {}), false);
  assert.equal(usesColours(terminal, false, {}), false);
  assert.equal(usesColours(terminal, true, { NO_COLOR: '1' }), false);
  assert.equal(usesColours(terminal, true, { NO_COLOR: '' }), true);
  assert.equal(usesColours(terminal, true, { TERM: 'dumb' }), false);
});

test('a painter that may not paint changes nothing', () => {
  assert.equal(painter(false)('cyan', 'text'), 'text');
  assert.equal(painter(true)('cyan', 'text'), '\u001b[36mtext\u001b[39m');
});

test('remarks go to stderr when the output is not a terminal', () => {
  const output = recordingOutput(false);
  const errors = recordingOutput(false);
  const screen = new Screen({ output, errors, colours: true });
  screen.status('remark');
  void screen.result('message');
  assert.equal(output.text, 'message\n');
  assert.equal(errors.text, 'remark\n');
});

test('a result waits for a reader that is slow', async () => {
  let take: (() => void) | undefined;
  const slow = new Writable({
    highWaterMark: 1,
    write(_chunk, _encoding, done) {
      take = done;
    },
  });
  const screen = new Screen({ output: slow, errors: recordingOutput(false), colours: true });
  let isDone = false;
  const result = screen.result('message').then(() => {
    isDone = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isDone, false);
  take?.();
  await result;
});

/** What a terminal would show: enough of one for the sequences that readline writes. */
function shown(text: string): string[] {
  const rows: string[] = [''];
  let row = 0;
  let column = 0;
  for (const [token] of text.matchAll(/\u001b\[(\d*)([A-Z])|[\s\S]/gu)) {
    const count = Number(/\d+/u.exec(token)?.[0] ?? 1);
    if (token === '\r') column = 0;
    else if (token === '\n') [row, column] = [row + 1, 0];
    else if (token.endsWith('A') && token.length > 1) row -= count;
    else if (token.endsWith('G') && token.length > 1) column = count - 1;
    else if (token.endsWith('J') && token.length > 1) {
      rows.length = row + 1;
      rows[row] = (rows[row] ?? '').slice(0, column);
    } else if (token.length === 1) {
      if (column === 80) [row, column] = [row + 1, 0];
      rows[row] = `${(rows[row] ?? '').padEnd(column).slice(0, column)}${token}`;
      column++;
    }
    while (rows.length <= row) rows.push('');
  }
  return rows;
}

function prompting(output: Output): { prompt: Prompt; input: PassThrough; screen: Screen } {
  const input = new PassThrough();
  const prompt = new Prompt({
    input,
    output,
    text: '> ',
    history: [],
    onInterrupt: () => input.emit('interrupted'),
  });
  const screen = new Screen({ output, errors: recordingOutput(false), colours: false });
  screen.prompt = prompt;
  return { prompt, input, screen };
}

test('a line that arrives goes above what is being typed', () => {
  const output = recordingOutput(true);
  const { input, screen, prompt } = prompting(output);
  input.write('half a mess');
  void screen.result('< incoming');
  assert.deepEqual(shown(output.text), ['< incoming', '> half a mess']);
  prompt[Symbol.dispose]();
});

test('also when what is being typed, or was pasted, is longer than a row', () => {
  const output = recordingOutput(true);
  const { input, screen, prompt } = prompting(output);
  input.write('a'.repeat(70));
  input.write('b'.repeat(30));
  void screen.result('< one');
  void screen.result('< two\n  lines');
  const row = `> ${'a'.repeat(70)}${'b'.repeat(8)}`;
  assert.deepEqual(shown(output.text), ['< one', '< two', '  lines', row, 'b'.repeat(22)]);
  prompt[Symbol.dispose]();
});

test('lines are handed out as they are typed, until Ctrl-D', async () => {
  const { input, prompt } = prompting(recordingOutput(true));
  input.write('one\rtwo\r');
  const lines: string[] = [];
  for await (const line of prompt.lines()) {
    lines.push(line);
    if (lines.length === 2) input.write('\u0004');
  }
  assert.deepEqual(lines, ['one', 'two']);
});

test('Ctrl-C is told, and ends nothing by itself', async () => {
  const { input, prompt } = prompting(recordingOutput(true));
  let interruptions = 0;
  input.on('interrupted', () => interruptions++);
  input.write('\u0003');
  assert.equal(interruptions, 1);
  const next = prompt.lines().next();
  input.write('still here\r');
  assert.equal((await next).value, 'still here');
  prompt[Symbol.dispose]();
});

test('a prompt that is gone leaves no trace of itself', () => {
  const output = recordingOutput(true);
  const { input, prompt } = prompting(output);
  input.write('never sent');
  prompt[Symbol.dispose]();
  assert.deepEqual(shown(output.text), ['']);
});
