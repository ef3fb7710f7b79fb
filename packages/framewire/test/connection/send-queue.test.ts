import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  iterate,
  sendFragments,
  SendQueue,
  type FragmentSender,
  type StreamSource,
} from '#src/connection/send-queue.js';
import { deferred } from '#src/connection/deferred.js';
import type { MessageType } from 'framewire';
import { hex } from 'framewire/testing';
import { turns } from './raw-peer.ts';

test('§5.4 tasks run one after the other, in the order in which they were added', async () => {
  const queue = new SendQueue();
  const first = deferred<void>();
  const order: string[] = [];
  assert.equal(queue.isBusy, false);
  const one = queue.add(0, () => {
    order.push('one');
    return first.promise;
  });
  const two = queue.add(10, async () => void order.push('two'));
  const three = queue.add(5, async () => void order.push('three'));
  await turns(2);
  assert.deepEqual(order, ['one']);
  assert.equal(queue.isBusy, true);
  assert.equal(queue.octets, 15);
  first.resolve();
  await Promise.all([one, two, three]);
  assert.deepEqual(order, ['one', 'two', 'three']);
  await queue.idle;
  assert.equal(queue.isBusy, false);
  assert.equal(queue.octets, 0);
});

test('a task that fails fails alone', async () => {
  const queue = new SendQueue();
  const error = new Error('this one');
  const failing = queue.add(1, () => Promise.reject(error));
  const fine = queue.add(1, () => Promise.resolve());
  await assert.rejects(failing, error);
  await fine;
  await queue.idle;
  assert.equal(queue.isBusy, false);
});

class Sender implements FragmentSender {
  readonly sent: [MessageType, string, boolean][] = [];
  failure: Error | undefined;

  send(type: MessageType, octets: Uint8Array, final: boolean): Promise<void> {
    this.sent.push([type, Buffer.from(octets).toString('latin1'), final]);
    return Promise.resolve();
  }

  fail(error: Error): void {
    this.failure = error;
  }
}

async function send(source: StreamSource, wanted?: MessageType): Promise<Sender> {
  const sender = new Sender();
  await sendFragments(iterate(source), wanted, sender);
  return sender;
}

test('§5.4 each part leaves as a fragment as it comes, with an empty one at the end', async () => {
  const { sent } = await send(['a', '', 'b']);
  assert.deepEqual(sent, [
    ['text', 'a', false],
    ['text', 'b', false],
    ['text', '', true],
  ]);
  const binary = await send([hex`61`, Buffer.from('b')]);
  assert.deepEqual(binary.sent, [
    ['binary', 'a', false],
    ['binary', 'b', false],
    ['binary', '', true],
  ]);
});

test('a source without parts makes one empty message', async () => {
  assert.deepEqual((await send([] as string[])).sent, [['binary', '', true]]);
  assert.deepEqual((await send([] as string[], 'text')).sent, [['text', '', true]]);
  assert.deepEqual((await send([''])).sent, [['text', '', true]]);
});

test('§8.1 a code point whose halves are in two parts stays whole', async () => {
  const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
  const { sent } = await send(['x\u{D83D}', '\u{DE00}y', '\u{D83D}', '', '\u{DE00}']);
  assert.deepEqual(sent, [
    ['text', 'x', false],
    ['text', latin1('😀y'), false],
    ['text', latin1('😀'), false],
    ['text', '', true],
  ]);
  // A half without its other half is what TextEncoder makes of it.
  assert.deepEqual((await send(['\u{D83D}'])).sent, [['text', latin1('\u{FFFD}'), true]]);
});

test('a source that throws before its first part leaves no message behind', async () => {
  const error = new Error('no source');
  const sender = new Sender();
  // eslint-disable-next-line require-yield
  async function* source(): AsyncGenerator<string> {
    await Promise.resolve();
    throw error;
  }
  await assert.rejects(sendFragments(iterate(source()), undefined, sender), error);
  assert.equal(sender.failure, undefined);
  assert.deepEqual(sender.sent, []);
});

test('§7.1.7 a source that throws later leaves a message that cannot be completed', async () => {
  const error = new Error('source dried up');
  const sender = new Sender();
  async function* source(): AsyncGenerator<string> {
    yield 'begun';
    await Promise.resolve();
    throw error;
  }
  await assert.rejects(sendFragments(iterate(source()), undefined, sender), error);
  assert.equal(sender.failure, error);
});

test('a part of the other type is a mistake, which the source hears of', async () => {
  let isDone = false;
  function* source(): Generator<string> {
    try {
      yield 'text';
      yield hex`00` as unknown as string;
    } finally {
      isDone = true;
    }
  }
  const sender = new Sender();
  await assert.rejects(sendFragments(iterate(source()), undefined, sender), {
    name: 'TypeError',
    code: 'ERR_WS_INVALID_ARGUMENT',
  });
  assert.equal(isDone, true);
  assert.ok(sender.failure instanceof TypeError);
});
