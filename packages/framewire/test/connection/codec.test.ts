import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, message, type Codec, type Message } from 'framewire';
import { hex } from 'framewire/testing';
import { utf8 } from '../protocol/frames.ts';
import { open, ROLES } from './opening.ts';
import { within } from './raw-peer.ts';

for (const role of ROLES) {
  test(`a ${role} sends and receives values as JSON in text`, async () => {
    const { connection, peer } = await open(role);
    const typed = connection.withCodec(json<{ n: number; s?: string }>());
    assert.equal(typed.connection, connection);
    await typed.send({ n: 1, s: 'grüße' });
    await peer.expectMessage('{"n":1,"s":"grüße"}');
    peer.sendText('{"n":2}');
    assert.deepEqual(await within(typed.receive(), 'a value'), { n: 2 });
    peer.sendFrame(0x82, '{"n":3}');
    assert.deepEqual(await within(typed.receive(), 'a value'), { n: 3 });
    connection.terminate();
  });

  test(`78 a ${role} is told what is no JSON, and its connection goes on`, async () => {
    const { connection, peer } = await open(role);
    const typed = connection.withCodec(json());
    for (const text of ['', '{', 'undefined', '[1,]', '\u{FEFF}{}']) {
      peer.sendText(text);
      await assert.rejects(within(typed.receive(), 'a value'), (error: Error) => {
        assert.equal(error.name, 'ProtocolError');
        assert.equal((error as { code?: string }).code, 'ERR_WS_INVALID_VALUE');
        assert.equal((error as { closeCode?: number }).closeCode, 1007);
        assert.ok(error.cause instanceof SyntaxError);
        return true;
      });
    }
    peer.sendText('null');
    assert.equal(await within(typed.receive(), 'a value'), null);
    connection.terminate();
  });

  test(`78 "__proto__" in what a ${role} receives is a property like any other`, async () => {
    const { connection, peer } = await open(role);
    const typed = connection.withCodec(json<Record<string, unknown>>());
    peer.sendText('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    const value = await within(typed.receive(), 'a value');
    assert.ok(value !== undefined);
    assert.equal(Reflect.get({}, 'polluted'), undefined);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.ok(Object.hasOwn(value, '__proto__'));
    connection.terminate();
  });
}

test('a loop over values ends at a clean close, and throws at what is none', async () => {
  const { connection, peer } = await open('server');
  const typed = connection.withCodec(json<number>());
  peer.send(peer.frame(0x81, '1'), peer.frame(0x81, '2'), peer.frame(0x81, 'x'));
  const seen: number[] = [];
  const loop = async (): Promise<void> => {
    for await (const value of typed) seen.push(value);
  };
  await assert.rejects(within(loop(), 'the loop'), { code: 'ERR_WS_INVALID_VALUE' });
  peer.sendText('3').sendClose(1000).end();
  await within(loop(), 'the loop');
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(await typed.receive(), undefined);
});

test('what JSON cannot express is not sent: the mistake is thrown', async () => {
  const { connection, peer } = await open('client');
  const typed = connection.withCodec(json());
  assert.throws(() => void typed.send(undefined), TypeError);
  assert.throws(() => void typed.send(() => {}), TypeError);
  assert.throws(() => void typed.send(1n), TypeError);
  void typed.send('fine');
  await peer.expectMessage('"fine"');
  connection.terminate();
});

test('the signal of a receive is handed on', async () => {
  const { connection } = await open('client');
  const reason = new Error('enough');
  const typed = connection.withCodec(json());
  await assert.rejects(typed.receive({ signal: AbortSignal.abort(reason) }), reason);
  connection.terminate();
});

test('the codec of messages leaves them as they are', () => {
  for (const value of ['text', hex`01`] as Message[]) {
    assert.equal(message.encode(value), value);
    assert.equal(message.decode(value), value);
  }
});

test('a codec of one’s own may travel as octets', async () => {
  const octet: Codec<number> = {
    encode: (value) => Uint8Array.of(value),
    decode(received) {
      if (typeof received === 'string') throw new Error('not binary');
      return received[0]!;
    },
  };
  const { connection, peer } = await open('client');
  const typed = connection.withCodec(octet);
  await typed.send(7);
  await peer.expectMessage(hex`07`);
  peer.sendFrame(0x82, hex`08`).sendText('8');
  assert.equal(await typed.receive(), 8);
  await assert.rejects(typed.receive(), { code: 'ERR_WS_INVALID_VALUE' });
  assert.equal(utf8('8').length, 1);
  connection.terminate();
});
