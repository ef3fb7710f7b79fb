import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { Pings } from '#src/connection/pings.js';
import { hex } from 'framewire/testing';

function pong(pings: Pings, payload: Uint8Array, at: number): void {
  pings.onPong(payload, 0, payload.length, at);
}

test('§5.5.3 a Pong answers the Ping with its payload, found anywhere in a buffer', async () => {
  const pings = new Pings();
  const waiting = pings.wait(hex`01 02`, 100, undefined);
  pings.onPong(hex`ff 01 02 ff`, 1, 3, 130);
  assert.equal(await waiting, 30);
});

test('§5.5.3 a Pong to the latest of several Pings answers those before it too', async () => {
  const pings = new Pings();
  const payloads = [pings.nextPayload(), pings.nextPayload(), pings.nextPayload()];
  const waiting = payloads.map((payload, index) => pings.wait(payload, index * 10, undefined));
  pong(pings, payloads[1]!, 50);
  assert.deepEqual(await Promise.all(waiting.slice(0, 2)), [50, 40]);
  pong(pings, payloads[2]!, 60);
  assert.equal(await waiting[2], 40);
});

test('§5.5.3 a Pong nobody asked for answers nothing', async () => {
  const pings = new Pings();
  const waiting = pings.wait(hex`01`, 0, undefined);
  pong(pings, hex`02`, 1);
  pong(pings, hex``, 2);
  pong(pings, hex`01 01`, 3);
  pong(pings, hex`01`, 4);
  pong(pings, hex`01`, 5);
  assert.equal(await waiting, 4);
});

test('payloads are never alike', () => {
  const pings = new Pings();
  const payloads = Array.from({ length: 1000 }, () =>
    Buffer.from(pings.nextPayload()).toString('hex'),
  );
  assert.equal(new Set(payloads).size, payloads.length);
});

test('the end of the connection ends all waiting', async () => {
  const pings = new Pings();
  const { signal } = new AbortController();
  const waiting = [pings.wait(hex`01`, 0, undefined), pings.wait(hex`02`, 0, signal)];
  const info = { code: 1006, reason: '', wasClean: false, initiator: 'network' } as const;
  pings.finish(info);
  for (const each of waiting) await assert.rejects(each, { code: 'ERR_WS_CLOSED', info });
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('an aborted signal ends the waiting for its Ping only, and keeps no listener', async () => {
  const pings = new Pings();
  const controller = new AbortController();
  const aborted = pings.wait(hex`01`, 0, controller.signal);
  const other = pings.wait(hex`02`, 0, undefined);
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(aborted, reason);
  pong(pings, hex`01`, 1);
  pong(pings, hex`02`, 2);
  assert.equal(await other, 2);
  const { signal } = new AbortController();
  const answered = pings.wait(hex`03`, 0, signal);
  pong(pings, hex`03`, 1);
  await answered;
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});
