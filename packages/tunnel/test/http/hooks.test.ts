import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { ForwardHooks } from '#src/http/forward.js';
import { turns } from '@framewire/test-support/waiting';
import { RawTarget } from './raw.ts';
import { begin, call, gateway, GET } from './serving.ts';

function failing(): never {
  throw new Error('a mistake of a hook');
}

const HOOKS: ForwardHooks = {
  onAnswer: failing,
  onRequestChunk: failing,
  onAnswerChunk: failing,
};

/** Warnings of the process until `done` is called. */
function warnings(): { readonly first: Promise<unknown>; readonly done: () => string[] } {
  const seen: string[] = [];
  const note = (warning: Error): void => void seen.push(warning.message);
  process.on('warning', note);
  return {
    first: once(process, 'warning'),
    done: () => {
      process.off('warning', note);
      return seen;
    },
  };
}

test('hooks that throw change nothing of a request, and are told once', async (t) => {
  const raw = await RawTarget.start(t);
  const caller = await call(t, await gateway(t, raw.port, { hooks: HOOKS }));
  const { first, done } = warnings();
  caller.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
  const asked = await raw.next();
  await asked.readTo('hi');
  asked.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  assert.equal((await caller.readAnswer()).body, 'ok');
  await first;
  await turns(5);
  assert.deepEqual(done(), ['a mistake of a hook']);
});

test('hooks that throw change nothing of an upgrade, and are told once', async (t) => {
  const raw = await RawTarget.start(t);
  const caller = await call(t, await gateway(t, raw.port, { hooks: HOOKS }));
  const { first, done } = warnings();
  caller.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  const asked = await raw.next();
  await asked.readHead();
  asked.send('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  await caller.readHead();
  caller.send('ping');
  await asked.readTo('ping');
  asked.send('pong');
  await caller.readTo('pong');
  await first;
  await turns(5);
  assert.deepEqual(done(), ['a mistake of a hook']);
});

test('hooks are called as what they are: methods', async (t) => {
  class Counter {
    octets = 0;
    onAnswerChunk(chunk: Uint8Array): void {
      this.octets += chunk.length;
    }
  }
  const hooks = new Counter();
  const { caller, asked } = await begin(
    t,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    { hooks },
  );
  asked.send('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\npong');
  await caller.readTo('pong');
  assert.equal(hooks.octets, 4);
});

for (const [what, request, answer] of [
  ['an answer', GET, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  [
    'a 101',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  ],
] as const) {
  test(`fields that a hook has made of ${what} and that are none are a 502`, async (t) => {
    const raw = await RawTarget.start(t);
    const hooks: ForwardHooks = {
      onAnswer: ({ fields }) => void fields.push('X-A', 'b\r\nX-C: d'),
    };
    const front = await gateway(t, raw.port, { hooks });
    const caller = await call(t, front);
    caller.send(request);
    const asked = await raw.next();
    await asked.readHead();
    asked.send(answer);
    assert.match(await caller.readHead(), /^HTTP\/1.1 502 /);
    assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_BAD_RESPONSE');
  });
}
