import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reading } from '#src/connection/reading.js';
import type { CloseInfo } from 'framewire';
import { hex } from 'framewire/testing';
import { utf8 } from '../protocol/frames.ts';

const CLEAN: CloseInfo = { code: 1000, reason: '', wasClean: true, initiator: 'client' };

function create(): Reading {
  return new Reading({ onFull() {}, onRoom() {} }, 1_000_000);
}

test('an iteration ends at a clean close, and leaving it early ends nothing', async () => {
  const reading = create();
  for (const text of ['a', 'b', 'c']) reading.push(text);
  for await (const message of reading.iterate()) {
    assert.equal(message, 'a');
    break;
  }
  reading.finish(CLEAN);
  const rest: unknown[] = [];
  for await (const message of reading.iterate()) rest.push(message);
  assert.deepEqual(rest, ['b', 'c']);
});

test('whoever reads streams reads in no other way, from the call of messages on', async () => {
  const reading = create();
  const streams = reading.streams();
  await assert.rejects(reading.receive(undefined), { code: 'ERR_WS_CONCURRENT_READ' });
  await assert.rejects(reading.iterate().next(), { code: 'ERR_WS_CONCURRENT_READ' });
  await streams.return();
});

test('messages that had arrived whole are streams of one part', async () => {
  const reading = create();
  reading.push('text');
  reading.push(hex`01 02`);
  reading.push('');
  reading.finish(CLEAN);
  const seen: unknown[] = [];
  for await (const stream of reading.streams()) {
    for await (const part of stream) seen.push(stream.type, part);
  }
  assert.deepEqual(seen, ['text', 'text', 'binary', hex`01 02`]);
});

test('going on to the next message drops the rest of the last one', async () => {
  const reading = create();
  const streams = reading.streams();
  reading.pushFragment('text', utf8('begun'), 0, 5, false);
  const first = await streams.next();
  reading.pushFragment('text', utf8(' and ended'), 0, 10, true);
  reading.pushFragment('binary', hex`07`, 0, 1, true);
  const second = await streams.next();
  assert.ok(first.done === false && second.done === false);
  assert.equal(second.value.type, 'binary');
  await assert.rejects(first.value[Symbol.asyncIterator]().next(), {
    code: 'ERR_WS_MESSAGE_DROPPED',
  });
  for await (const part of second.value) assert.deepEqual(part, hex`07`);
  reading.finish(CLEAN);
  assert.equal((await streams.next()).done, true);
});
