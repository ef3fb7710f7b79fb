/** RFC 7692 §7.2.1 — what is compressed, what is not, and with which state. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { EMPTY_BLOCK_LENGTHS } from '#src/extensions/codec.js';
import { Compression } from '#src/extensions/compression.js';
import { Compressor, DEFLATE_SLICE } from '#src/extensions/compressor.js';
import {
  resolveDeflateOptions,
  type PerMessageDeflateOptions,
} from '#src/extensions/deflate-options.js';
import { SharedDeflater } from '#src/extensions/shared-states.js';
import { PreparedMessage, type Role } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { concat, octetsOf, randomOctets, utf8 } from '../protocol/frames.ts';

/** What a connection has after both sides have agreed on all that the options say. */
function agreed(options: PerMessageDeflateOptions = {}, role: Role = 'server'): Compression {
  const agreement = {
    serverNoContextTakeover: options.serverNoContextTakeover ?? true,
    clientNoContextTakeover: options.clientNoContextTakeover ?? true,
    serverMaxWindowBits: options.serverMaxWindowBits ?? 15,
    clientMaxWindowBits: options.clientMaxWindowBits ?? 15,
  };
  return new Compression(role, agreement, 'permessage-deflate', resolveDeflateOptions(options));
}

const KEPT: PerMessageDeflateOptions = { serverNoContextTakeover: false };

/** What is sent as one message, in memory of its own. */
async function deflate(compressor: Compressor, message: Uint8Array): Promise<Uint8Array> {
  return Uint8Array.from(await compressor.deflate(message, true));
}

/** What a receiver without context makes of a message. */
function inflated(deflated: Uint8Array): Uint8Array {
  const octets = concat(deflated, EMPTY_BLOCK_LENGTHS);
  return Uint8Array.from(inflateRawSync(octets, { finishFlush: constants.Z_SYNC_FLUSH }));
}

/** Counts what was compressed without context. */
function countShared(t: TestContext): () => number {
  const method = t.mock.method(SharedDeflater.prototype, 'deflate');
  return () => method.mock.callCount();
}

test('messages are compressed from the threshold on', () => {
  const byDefault = new Compressor(agreed());
  assert.equal(byDefault.wants(255, undefined), false);
  assert.equal(byDefault.wants(256, undefined), true);
  const all = new Compressor(agreed({ threshold: 0 }));
  assert.equal(all.wants(0, undefined), true);
  const none = new Compressor(agreed({ threshold: Infinity }));
  assert.equal(none.wants(2 ** 31, undefined), false);
});

test('what the caller says of a message goes before the threshold', () => {
  const compressor = new Compressor(agreed());
  assert.equal(compressor.wants(0, true), true);
  assert.equal(compressor.wants(1_000_000, false), false);
});

test('a message is worth compressing when it gets smaller by a sixteenth', () => {
  const compressor = new Compressor(agreed());
  assert.equal(compressor.pays(1600, 1500), true);
  assert.equal(compressor.pays(1600, 1501), false);
  assert.equal(compressor.pays(1600, 1700), false);
});

/** Messages that are not tried before the next that is. */
function breakOf(compressor: Compressor): number {
  let count = 0;
  while (!compressor.wants(1000, undefined)) {
    count++;
    assert.ok(count < 1000, 'the break has an end');
  }
  return count;
}

test('after messages that did not get smaller, more and more are not tried', () => {
  const compressor = new Compressor(agreed());
  assert.equal(breakOf(compressor), 0);
  const breaks = Array.from({ length: 10 }, () => {
    assert.equal(compressor.pays(1000, 1000), false);
    return breakOf(compressor);
  });
  assert.deepEqual(breaks, [1, 2, 4, 8, 16, 32, 64, 64, 64, 64]);
});

test('after one that did, all are tried again, and breaks begin anew', () => {
  const compressor = new Compressor(agreed());
  for (let count = 0; count < 5; count++) {
    compressor.pays(1000, 1000);
    breakOf(compressor);
  }
  assert.equal(compressor.pays(1000, 100), true);
  assert.equal(breakOf(compressor), 0);
  assert.equal(compressor.pays(1000, 1000), false);
  assert.equal(breakOf(compressor), 1);
});

test('a break counts only messages that would have been tried', () => {
  const compressor = new Compressor(agreed());
  compressor.pays(1000, 1000);
  breakOf(compressor);
  compressor.pays(1000, 1000);
  for (let count = 0; count < 10; count++) {
    assert.equal(compressor.wants(10, undefined), false);
    assert.equal(compressor.wants(1000, false), false);
    assert.equal(compressor.wants(1000, true), true);
  }
  assert.equal(breakOf(compressor), 2);
});

test('§7.2.1 a message is without its last four octets, and a slice before the last is not', async () => {
  const compressor = new Compressor(agreed(KEPT));
  const first = Uint8Array.from(await compressor.deflate(utf8('Hel'), false));
  assert.deepEqual(first.slice(-4), EMPTY_BLOCK_LENGTHS);
  const last = await deflate(compressor, utf8('lo'));
  assert.notDeepEqual(last.slice(-4), EMPTY_BLOCK_LENGTHS);
  assert.deepEqual(inflated(concat(first, last)), utf8('Hello'));
  compressor.close();
});

test('§7.2.3.6 no octets are an empty block, whatever came before, and need no state', async (t) => {
  const shared = countShared(t);
  for (const options of [{}, KEPT]) {
    const compression = agreed(options);
    const own = t.mock.method(compression, 'createDeflater');
    const compressor = new Compressor(compression);
    assert.deepEqual(await deflate(compressor, hex``), hex`00`);
    assert.equal(own.mock.callCount(), 0);
  }
  assert.equal(shared(), 0);
  const compressor = new Compressor(agreed(KEPT));
  const message = octetsOf(500);
  const before = Uint8Array.from(await compressor.deflate(message, false));
  const end = await deflate(compressor, hex``);
  assert.deepEqual(inflated(concat(before, end)), message);
  compressor.close();
});

test('without context all is compressed with what everybody shares', async (t) => {
  const shared = countShared(t);
  const compression = agreed();
  const own = t.mock.method(compression, 'createDeflater');
  const compressor = new Compressor(compression);
  const message = randomOctets(500);
  const first = await deflate(compressor, message);
  assert.deepEqual(await deflate(compressor, message), first);
  assert.deepEqual(inflated(first), message);
  assert.deepEqual([shared(), own.mock.callCount()], [2, 0]);
  compressor.close();
});

test('§7.2.3.2 a state with context is made with the first message, and once', async (t) => {
  const shared = countShared(t);
  const compression = agreed(KEPT);
  const own = t.mock.method(compression, 'createDeflater');
  const compressor = new Compressor(compression);
  assert.equal(compressor.wants(1000, undefined), true);
  assert.equal(own.mock.callCount(), 0);
  const message = randomOctets(1000);
  const first = await deflate(compressor, message);
  const second = await deflate(compressor, message);
  assert.ok(second.length < 50, 'the second refers to the first');
  assert.deepEqual(inflated(concat(first, EMPTY_BLOCK_LENGTHS, second)), concat(message, message));
  assert.deepEqual([shared(), own.mock.callCount()], [0, 1]);
  compressor.close();
});

test('§7.1.1 who keeps its context: a server that may, a client that may and wants to', () => {
  const may = { serverNoContextTakeover: false, clientNoContextTakeover: false };
  assert.equal(agreed(may, 'server').keepsContext, true);
  assert.equal(agreed(may, 'client').keepsContext, true);
  assert.equal(agreed({ ...may, serverNoContextTakeover: true }, 'server').keepsContext, false);
  assert.equal(agreed({ ...may, clientNoContextTakeover: true }, 'client').keepsContext, false);
  const agreement = { ...may, serverMaxWindowBits: 15, clientMaxWindowBits: 15 };
  const settings = resolveDeflateOptions({});
  // The server has not forbidden it, and the client did not ask for it.
  assert.equal(new Compression('client', agreement, '', settings).keepsContext, false);
});

test('what was compressed and is not sent is forgotten', async () => {
  const compressor = new Compressor(agreed(KEPT));
  const message = randomOctets(1000);
  const first = await deflate(compressor, message);
  assert.equal(compressor.pays(message.length, first.length), false);
  const second = await deflate(compressor, message);
  assert.deepEqual(second, first);
  assert.deepEqual(inflated(second), message);
  compressor.close();
});

test('what was compressed and sent is remembered', async () => {
  const compressor = new Compressor(agreed(KEPT));
  const message = concat(randomOctets(1000), new Uint8Array(1000));
  const first = await deflate(compressor, message);
  assert.equal(compressor.pays(message.length, first.length), true);
  assert.ok((await deflate(compressor, message)).length < 50);
  compressor.close();
});

test('a message of others in between is the end of the context, for the next one only', async () => {
  const compressor = new Compressor(agreed(KEPT));
  const message = randomOctets(1000);
  const first = await deflate(compressor, message);
  compressor.skipMessage();
  compressor.skipMessage();
  const second = await deflate(compressor, message);
  assert.deepEqual(inflated(second), message, 'it refers to nothing');
  assert.equal(second.length, first.length);
  const third = await deflate(compressor, message);
  assert.ok(third.length < 50, 'it refers to the second');
  compressor.close();
});

test('… also when there was nothing before it', async () => {
  const compressor = new Compressor(agreed(KEPT));
  compressor.skipMessage();
  const message = randomOctets(1000);
  assert.deepEqual(inflated(await deflate(compressor, message)), message);
  assert.ok((await deflate(compressor, message)).length < 50);
  compressor.close();
});

test('a compressor can be closed before it was used, and twice', async () => {
  const unused = new Compressor(agreed(KEPT));
  unused.close();
  const used = new Compressor(agreed(KEPT));
  await deflate(used, octetsOf(1000));
  used.close();
  used.close();
});

/** Ways of a state to fail, as those that take no time do and as those that take some. */
const FAILURES: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  'at once': () => {
    throw new Error('no memory');
  },
  later: () => Promise.reject(new Error('no memory')),
};

for (const [when, fail] of Object.entries(FAILURES)) {
  test(`a state that fails ${when} is closed, and the next message begins with another`, async (t) => {
    const compression = agreed(KEPT);
    const compressor = new Compressor(compression);
    const message = randomOctets(1000);
    await deflate(compressor, message);
    compressor.close();
    let closed = 0;
    const failing = { deflate: fail, reset() {}, close: () => void closed++ };
    t.mock.method(compression, 'createDeflater', () => failing, { times: 1 });
    assert.equal(await compressor.tryDeflate(message, true), undefined);
    assert.equal(closed, 1);
    const next = await compressor.tryDeflate(message, true);
    assert.ok(next !== undefined);
    assert.deepEqual(inflated(next), message, 'it refers to nothing');
    compressor.close();
  });

  test(`a prepared message whose compression fails ${when} is sent as it is`, async (t) => {
    const method = t.mock.method(SharedDeflater.prototype, 'deflate', fail);
    const small = prepared(new Uint8Array(1000));
    const large = prepared(new Uint8Array(LARGE));
    const compressor = new Compressor(agreed());
    for (const message of [small, large]) {
      assert.equal(await compressor.prepare(message, undefined), message);
    }
    assert.ok(method.mock.callCount() > 0);
  });
}

test('a message that can be compressed is, whoever asks', async () => {
  const compressor = new Compressor(agreed());
  const deflated = await compressor.tryDeflate(octetsOf(1000), true);
  assert.deepEqual(deflated && inflated(deflated), octetsOf(1000));
});

/** Four slices. */
const LARGE = 3 * DEFLATE_SLICE + 1;

function prepared(octets: Uint8Array, compress?: boolean): PreparedMessage {
  return new PreparedMessage('binary', octets, { compress });
}

test('a prepared message is compressed from the threshold on, or as it was said', async (t) => {
  const shared = countShared(t);
  const compressor = new Compressor(agreed({ threshold: 200 }));
  const small = new Uint8Array(199);
  const large = new Uint8Array(200);
  for (const message of [prepared(small), prepared(large, false), prepared(hex``, true)]) {
    assert.equal(compressor.prepare(message, undefined), message);
    assert.equal(compressor.prepare(message, false), message);
  }
  assert.equal(compressor.prepare(prepared(small, true), false) instanceof Promise, false);
  assert.equal(shared(), 0);
  const compressed = [
    await compressor.prepare(prepared(large), undefined),
    await compressor.prepare(prepared(small, true), undefined),
    await compressor.prepare(prepared(small), true),
    await compressor.prepare(prepared(small, false), true),
  ];
  assert.deepEqual(
    compressed.map((message) => [message.compressed, inflated(message.payload).length]),
    [
      [true, 200],
      [true, 199],
      [true, 199],
      [true, 199],
    ],
  );
});

test('§6 a prepared message says that it is compressed, and of which type it is', async () => {
  const compressor = new Compressor(agreed());
  const text = new PreparedMessage('text', utf8('Hello, '.repeat(100)));
  const variant = await compressor.prepare(text, undefined);
  assert.equal(variant.type, 'text');
  assert.equal(variant.frame[0], 0xc1);
  assert.deepEqual(inflated(variant.payload), text.payload);
  assert.equal(text.frame[0], 0x81);
});

test('a prepared message is compressed once for all with the same parameters', async (t) => {
  const shared = countShared(t);
  const message = prepared(new Uint8Array(1000));
  const same = [agreed(), agreed(), agreed(KEPT), agreed({}, 'client')].map(
    (compression) => new Compressor(compression),
  );
  const variants: PreparedMessage[] = [];
  for (const each of same) variants.push(await each.prepare(message, undefined));
  assert.equal(new Set(variants).size, 1);
  assert.equal(shared(), 1);
  const others: PerMessageDeflateOptions[] = [
    { serverMaxWindowBits: 9 },
    { level: 9 },
    { memoryLevel: 1 },
  ];
  for (const options of others) {
    const variant = await new Compressor(agreed(options)).prepare(message, undefined);
    assert.ok(!variants.includes(variant));
    assert.deepEqual(inflated(variant.payload), message.payload);
  }
  assert.equal(shared(), 4);
});

test('a prepared message that does not get smaller is tried once, and sent as it is', async (t) => {
  const shared = countShared(t);
  const message = prepared(randomOctets(1000));
  for (let count = 0; count < 3; count++) {
    const compressor = new Compressor(agreed());
    assert.equal(await compressor.prepare(message, undefined), message);
    assert.equal(await compressor.prepare(message, true), message);
    // It says nothing of the other messages of a connection.
    assert.equal(breakOf(compressor), 0);
  }
  assert.equal(shared(), 1);
});

test('a large prepared message is compressed slice by slice, and others get their turn', async (t) => {
  const method = t.mock.method(SharedDeflater.prototype, 'deflate');
  const octets = octetsOf(LARGE);
  const message = prepared(octets);
  const [one, other] = [new Compressor(agreed()), new Compressor(agreed())];
  const preparing = one.prepare(message, undefined);
  assert.ok(preparing instanceof Promise);
  assert.equal(other.prepare(message, undefined), preparing);
  // Whoever comes meanwhile may use the same state.
  const between = octetsOf(5000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(inflated(await deflate(other, between)), between);
  const variant = await preparing;
  assert.deepEqual(inflated(variant.payload), octets);
  const sizes = method.mock.calls.map(({ arguments: [octets] }) => octets.length);
  assert.deepEqual(
    sizes.filter((size) => size !== between.length),
    [DEFLATE_SLICE, DEFLATE_SLICE, DEFLATE_SLICE, 1],
  );
});

test('… as are many of them at once', async () => {
  const sizes = Array.from({ length: 12 }, (_, index) => LARGE - index);
  const compressor = new Compressor(agreed());
  const preparing = sizes.map((size) => compressor.prepare(prepared(octetsOf(size)), undefined));
  for (const [index, size] of sizes.entries()) {
    const { payload } = await preparing[index]!;
    assert.deepEqual(inflated(payload), octetsOf(size));
  }
});

test('… also where compressing takes time', async (t) => {
  t.mock.method(SharedDeflater.prototype, 'deflate', (octets: Uint8Array) =>
    Promise.resolve(deflateRawSync(octets, { finishFlush: constants.Z_SYNC_FLUSH })),
  );
  const octets = octetsOf(LARGE);
  const variant = await new Compressor(agreed()).prepare(prepared(octets), undefined);
  assert.equal(variant.compressed, true);
  assert.deepEqual(inflated(variant.payload), octets);
});

test('… and where it does not get smaller', async () => {
  const message = prepared(randomOctets(LARGE));
  assert.equal(await new Compressor(agreed()).prepare(message, undefined), message);
});

test('§7.2.3.2 preparing neither uses nor changes the context of a connection', async () => {
  const compressor = new Compressor(agreed(KEPT));
  const octets = randomOctets(1000);
  const message = prepared(concat(octets, new Uint8Array(1000)));
  const first = await deflate(compressor, octets);
  const variant = await compressor.prepare(message, undefined);
  assert.deepEqual(inflated(variant.payload), message.payload);
  const second = await deflate(compressor, octets);
  assert.deepEqual(inflated(concat(first, EMPTY_BLOCK_LENGTHS, second)), concat(octets, octets));
  assert.ok(second.length < 50);
  compressor.close();
});
