/**
 * The one module that relies on what Node does not document: it is used where that is as expected, and
 * where it is missing or behaves otherwise nobody notices.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeflateRaw, createInflateRaw } from 'node:zlib';
import { ZlibHandle } from '#src/extensions/zlib-handle.js';
import { hex } from 'framewire/testing';
import { run } from '../connection/child.ts';
import { utf8 } from '../protocol/frames.ts';

const MODULE = import.meta.resolve('#src/extensions/zlib-handle.js');

/** What a script can damage: the native states' common prototype, and what Node makes of the states. */
const INTERNALS = `
  import zlib from 'node:zlib';
  import { syncBuiltinESMExports } from 'node:module';
  const { env } = process;
  delete env.FRAMEWIRE_DOCUMENTED_API;
  const native = Object.getPrototypeOf(zlib.createDeflateRaw()._handle);
  const { writeSync } = native;
  /** What a state tells of room and of input that is left. */
  const told = new WeakMap();
  for (const name of ['createDeflateRaw', 'createInflateRaw']) {
    const create = zlib[name];
    const value = (...options) => {
      const stream = create(...options);
      told.set(stream._handle, stream._writeState);
      return stream;
    };
    Object.defineProperty(zlib, name, { value });
  }
  syncBuiltinESMExports();
`;

/** Both ways, small, large, empty and with context: each message is echoed; and one that is corrupt. */
const CONVERSATION = `
  const { canUseHandles } = await import(${JSON.stringify(MODULE)});
  console.log('handles', canUseHandles(), canUseHandles());
  const messages = ['', 'a', 'Hello, '.repeat(1000), new Uint8Array(200_000), 'Hello, '.repeat(1000)];
  const kept = { serverNoContextTakeover: false, clientNoContextTakeover: false };
  for (const perMessageDeflate of [true, kept, { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }]) {
    const server = new WebSocketServer({
      perMessageDeflate,
      handler: { message: (connection, message) => connection.send(message, { compress: true }) },
    });
    const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
    const connection = await connect(url, { perMessageDeflate });
    if (connection.perMessageDeflate === undefined) throw new Error('nothing was agreed on');
    for (const message of messages) connection.send(message, { compress: true });
    for (const message of messages) {
      const answer = await connection.receive();
      if (typeof answer !== typeof message || String(answer) !== String(message)) {
        throw new Error('another message came back');
      }
    }
    connection.transport.write(Uint8Array.of(0xc2, 0x81, 0, 0, 0, 0, 0x07));
    const { received } = await connection.closed;
    console.log('closed', received?.code);
    await server.close();
  }
`;

async function outcomeOf(damage: string): Promise<string[]> {
  const { code, stdout, stderr } = await run(INTERNALS + damage + CONVERSATION);
  assert.equal(stderr, '');
  assert.equal(code, 0);
  return stdout.trim().split('\n');
}

const FINE = ['closed 1007', 'closed 1007', 'closed 1007'];

test('the states of this Node can be used, and it is tried out once', async () => {
  assert.deepEqual(await outcomeOf(''), ['handles true true', ...FINE]);
});

test('FRAMEWIRE_DOCUMENTED_API=1 says no, and no other value does', async () => {
  const no = await outcomeOf(`env.FRAMEWIRE_DOCUMENTED_API = '1';`);
  assert.deepEqual(no, ['handles false false', ...FINE]);
  for (const value of ['0', '']) {
    const yes = await outcomeOf(`env.FRAMEWIRE_DOCUMENTED_API = '${value}';`);
    assert.deepEqual(yes, ['handles true true', ...FINE]);
  }
});

/** Nodes that are not as expected, by what they do. `state` is what is told of the room and the input. */
const DAMAGES: Readonly<Record<string, string>> = {
  'has no synchronous call': `delete native.writeSync;`,
  'has something else of its name': `native.writeSync = 'sync';`,
  'throws when it is called': `native.writeSync = () => { throw new Error('not any more'); };`,
  'does nothing when it is called': `native.writeSync = () => {};`,
  'compresses, and tells nothing of it': `
    native.writeSync = function (...given) {
      const before = [...told.get(this)];
      writeSync.apply(this, given);
      told.get(this).set(before);
    };`,
  'tells of input and room the other way round': `
    native.writeSync = function (...given) {
      writeSync.apply(this, given);
      told.get(this).reverse();
    };`,
  'tells of what was used instead of what is left': `
    native.writeSync = function (...given) {
      writeSync.apply(this, given);
      const state = told.get(this);
      state.set([given[6] - state[0], given[3] - state[1]]);
    };`,
  'leaves input unread': `
    native.writeSync = function (flush, input, at, length, ...output) {
      writeSync.call(this, flush, input, at, length - 1, ...output);
      told.get(this)[1] = 1;
    };`,
  'keeps no context': `
    native.writeSync = function (...given) {
      this.reset();
      writeSync.apply(this, given);
    };`,
  'takes its parameters in another order': `
    native.writeSync = function (flush, input, at, length, ...output) {
      writeSync.call(this, flush, ...output, input, at, length);
    };`,
  'does not flush': `
    native.writeSync = function (flush, ...given) {
      writeSync.call(this, zlib.constants.Z_NO_FLUSH, ...given);
    };`,
  'writes the wrong octets': `
    native.writeSync = function (...given) {
      writeSync.apply(this, given);
      given[4][given[5] + 3] ^= 1;
    };`,
  'does not tell what is corrupt': `
    native.writeSync = function (...given) {
      if (given[3] > 2) writeSync.apply(this, given);
      else told.get(this).set([given[6], 0]);
    };`,
};

for (const [what, damage] of Object.entries(DAMAGES)) {
  test(`where a Node ${what}, its states are not used, and all goes on`, async () => {
    assert.deepEqual(await outcomeOf(damage), ['handles false false', ...FINE]);
  });
}

test('a handle reads from where it is told and says what is left', () => {
  const deflater = new ZlibHandle(createDeflateRaw());
  const inflater = new ZlibHandle(createInflateRaw());
  const output = new Uint8Array(32);
  assert.equal(deflater.run(utf8('..Hello..'), 2, 7, output), true);
  assert.equal(deflater.unread, 0);
  const deflated = output.slice(0, output.length - deflater.room);
  assert.deepEqual(deflated, hex`f2 48 cd c9 c9 07 00 00 00 ff ff`);
  const inflated = new Uint8Array(8);
  assert.equal(inflater.run(deflated, 0, deflated.length, inflated, 3), true);
  assert.equal(inflater.room, 0);
  const at = deflated.length - inflater.unread;
  assert.equal(inflater.run(deflated, at, deflated.length, inflated.subarray(3)), true);
  assert.deepEqual(inflated, utf8('Hello\0\0\0'));
  assert.deepEqual([inflater.room, inflater.unread], [3, 0]);
  deflater.reset();
  assert.equal(deflater.run(utf8('Hello'), 0, 5, output), true);
  assert.deepEqual(output.slice(0, output.length - deflater.room), deflated);
  deflater.close();
  inflater.close();
});

test('a handle says what is corrupt, and nothing is raised, also when it is closed twice', async () => {
  const inflater = new ZlibHandle(createInflateRaw());
  assert.equal(inflater.run(hex`07`, 0, 1, new Uint8Array(8)), false);
  inflater.close();
  inflater.close();
  await new Promise((resolve) => setImmediate(resolve));
});
