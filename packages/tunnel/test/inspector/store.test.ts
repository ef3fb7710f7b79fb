import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { CapturedOctets } from '#src/inspector/captured-octets.js';
import { Exchange } from '#src/inspector/exchange.js';
import { ExchangeStore } from '#src/inspector/store.js';

function exchange(id: number, maxBody: number = 1000): Exchange {
  const request = { method: 'GET', url: '/', httpVersion: '1.1', rawHeaders: [] };
  const server = { target: '', accept: () => {} };
  return new Exchange(request as unknown as IncomingMessage, {
    id,
    isUpgrade: false,
    server,
    replayOf: undefined,
    maxBody,
  });
}

function createStore(maxExchanges: number, maxOctets: number) {
  const removed: number[] = [];
  const store = new ExchangeStore(
    { maxExchanges, maxOctets },
    { onChanged: () => {}, onRemoved: (id) => removed.push(id) },
  );
  return { store, removed };
}

test('beyond the number that is kept the oldest goes', () => {
  const { store, removed } = createStore(2, Infinity);
  for (const id of [1, 2, 3]) store.add(exchange(id));
  assert.deepEqual(removed, [1]);
  assert.deepEqual(
    store.all().map(({ id }) => id),
    [2, 3],
  );
  assert.equal(store.get(1), undefined);
});

test('beyond the octets that are kept the oldest go, as bodies grow', () => {
  const { store, removed } = createStore(100, 10_000);
  const [first, second] = [exchange(1, 9000), exchange(2, 9000)];
  store.add(first);
  store.add(second);
  store.changed(first, first.onChunk('request', new Uint8Array(4000)));
  assert.deepEqual(removed, []);
  store.changed(second, second.onChunk('answer', new Uint8Array(5000)));
  assert.deepEqual(removed, [1]);
  assert.equal(store.octets, second.weight);
});

test('what is not kept any more weighs nothing', () => {
  const { store } = createStore(1, Infinity);
  const first = exchange(1);
  store.add(first);
  store.add(exchange(2));
  const before = store.octets;
  store.changed(first, 5000);
  assert.equal(store.octets, before);
  store.clear();
  assert.equal(store.octets, 0);
});

test('of a body the beginning is kept, copied, and all of it is counted', () => {
  const captured = new CapturedOctets(4);
  const chunk = Uint8Array.of(1, 2, 3);
  assert.equal(captured.add(chunk), 3);
  chunk.fill(9);
  assert.equal(captured.isWhole, true);
  assert.equal(captured.add(Uint8Array.of(4, 5, 6)), 1);
  assert.deepEqual([...captured.octets()], [1, 2, 3, 4]);
  assert.equal(captured.length, 6);
  assert.equal(captured.isWhole, false);
});

test('what is not kept any more holds no octets, though it is still passed on', () => {
  const { store } = createStore(1, Infinity);
  const first = exchange(1);
  store.add(first);
  store.changed(first, first.onChunk('answer', new Uint8Array(500)));
  store.add(exchange(2));
  assert.equal(first.answerBody.kept, 0);
});
