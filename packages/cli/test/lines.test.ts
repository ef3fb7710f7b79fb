import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { linesOf } from '#src/lines.js';

const never = new AbortController().signal;

async function linesFrom(...chunks: (string | Buffer)[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(Readable.from(chunks), never)) lines.push(line);
  return lines;
}

test('each line is one, with or without an end after the last', async () => {
  assert.deepEqual(await linesFrom('a\nb\n'), ['a', 'b']);
  assert.deepEqual(await linesFrom('a\nb'), ['a', 'b']);
  assert.deepEqual(await linesFrom(''), []);
});

test('empty lines are lines', async () => {
  assert.deepEqual(await linesFrom('\n\na\n'), ['', '', 'a']);
});

test('a return before the line feed belongs to the end of the line, another does not', async () => {
  assert.deepEqual(await linesFrom('a\r\nb\rc\r', '\n'), ['a', 'b\rc']);
});

test('separators of Unicode are part of a line: JSON may hold them', async () => {
  assert.deepEqual(await linesFrom('"\u2028"\n'), ['"\u2028"']);
});

test('lines do not depend on how the pipe sliced them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/gu, ''))),
      fc.array(fc.nat(200)),
      async (lines, cuts) => {
        const octets = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const places = [0, ...cuts.filter((cut) => cut < octets.length).toSorted((a, b) => a - b)];
        const chunks = places.map((place, index) => octets.subarray(place, places[index + 1]));
        assert.deepEqual(await linesFrom(...chunks), lines);
      },
    ),
  );
});

test('aborting ends the iteration while it waits, and lets go of the input', async () => {
  const input = new PassThrough();
  const abort = new AbortController();
  const iterator = linesOf(input, abort.signal);
  input.write('first\nrest');
  assert.equal((await iterator.next()).value, 'first');
  const waiting = iterator.next();
  abort.abort();
  assert.equal((await waiting).done, true);
  assert.equal(input.destroyed, true);
});

test('an input that fails is an error', async () => {
  const input = new PassThrough();
  const waiting = linesOf(input, never).next();
  input.destroy(new Error('broken pipe'));
  await assert.rejects(waiting, /broken pipe/u);
});
