/** `Connection.messages`: one message at a time, in parts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessageStream } from 'framewire';
import { hex } from 'framewire/testing';
import { octetsOf, singleOctets, utf8 } from '../protocol/frames.ts';
import { open, openOnTcp, openPair, ROLES } from './opening.ts';
import { turns, within } from './raw-peer.ts';

async function textOf(stream: MessageStream): Promise<string> {
  const parts: string[] = [];
  for await (const part of stream) parts.push(part as string);
  return parts.join('');
}

for (const role of ROLES) {
  test(`§5.4 a ${role} reads a message as it arrives, without waiting for its end`, async () => {
    const { connection, peer } = await open(role);
    const messages = connection.messages();
    const taking = messages.next();
    await turns(2);
    peer.sendFrame(0x01, 'first ');
    const { value: message } = await within(taking, 'a message');
    assert.equal(message?.type, 'text');
    const parts = message[Symbol.asyncIterator]();
    assert.equal((await within(parts.next(), 'a part')).value, 'first ');
    peer.sendFrame(0x89, 'ping').sendFrame(0x00, 'second').sendFrame(0x80);
    assert.equal((await within(parts.next(), 'a part')).value, 'second');
    assert.equal((await within(parts.next(), 'the end')).done, true);
    assert.equal((await peer.readFrame()).opcode, 0xa);
    connection.terminate();
  });

  test(`§8.1 text that is cut within code points reaches the reader of a ${role} whole`, async () => {
    const { connection, peer } = await open(role);
    const text = 'ß€😀'.repeat(10);
    const messages = connection.messages();
    const octets = singleOctets(utf8(text));
    for (const [index, octet] of octets.entries()) peer.sendFrame(index === 0 ? 1 : 0, octet);
    peer.sendFrame(0x80);
    const { value } = await within(messages.next(), 'a message');
    assert.equal(await within(textOf(value!), 'the text'), text);
    connection.terminate();
  });

  test(`§8.1 bad UTF-8 in a stream fails the ${role}'s connection at once`, async () => {
    const { connection, peer } = await open(role);
    const messages = connection.messages();
    peer.sendFrame(0x01, 'fine').sendFrame(0x00, hex`c0`);
    const { value } = await within(messages.next(), 'a message');
    await peer.expectClose(1007);
    peer.end();
    await assert.rejects(within(textOf(value!), 'the text'), {
      code: 'ERR_WS_CLOSED',
      cause: (await connection.closed).error,
    });
  });

  test(`a ${role} that goes on to the next message skips the rest of the last`, async () => {
    const { connection, peer } = await open(role);
    peer.sendFrame(0x01, 'begun, ');
    peer.sendFrame(0x00, octetsOf(0)).sendFrame(0x80, 'not read').sendText('next');
    peer.sendClose(1000).end();
    const seen: string[] = [];
    for await (const message of connection.messages()) {
      for await (const part of message) {
        seen.push(String(part));
        break;
      }
    }
    assert.deepEqual(seen, ['begun, ', 'next']);
  });

  test(`§10.4 a message of any size streams through a ${role} in bounded memory`, async (t) => {
    const options = { maxMessageSize: 1000, highWaterMark: 100_000 };
    const { connection, peer } = await openOnTcp(t, role, options);
    const part = octetsOf(60_000);
    const count = 500;
    const messages = connection.messages();
    peer.sendFrame(0x02, part);
    for (let index = 1; index < count; index++) peer.sendFrame(0x00, part);
    peer.sendFrame(0x80);
    const { value: message } = await within(messages.next(), 'a message');
    let received = 0;
    for await (const octets of message!) {
      received += octets.length;
      if (received < 1_000_000) {
        await turns(10);
        assert.ok(peer.stream.writableLength > 10_000_000, 'the peer is held back');
      }
    }
    assert.equal(received, count * part.length);
  });

  test(`the ${role}'s rest of a message is dropped as fast as it comes`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role, { highWaterMark: 10_000 });
    peer.sendFrame(0x02, octetsOf(60_000));
    for (let index = 0; index < 50; index++) peer.sendFrame(0x00, octetsOf(60_000));
    peer.sendFrame(0x80).sendText('next');
    const messages = connection.messages();
    await within(messages.next(), 'a message');
    const { value: next } = await within(messages.next(), 'the next');
    assert.equal(await within(textOf(next!), 'the text'), 'next');
  });

  test(`a ${role}'s message that the end cuts short rejects, and so do its messages()`, async () => {
    const { connection, peer } = await open(role);
    const messages = connection.messages();
    peer.sendFrame(0x01, 'begun').end();
    const { value } = await within(messages.next(), 'a message');
    await assert.rejects(within(textOf(value!), 'the text'), { code: 'ERR_WS_CLOSED' });
    await assert.rejects(within(messages.next(), 'the end'), { code: 'ERR_WS_CLOSED' });
  });

  test(`messages() of a ${role} excludes every other way of reading from the call on`, async () => {
    const { connection, peer } = await open(role);
    connection.messages();
    peer.sendText('x');
    await turns(3);
    await assert.rejects(connection.receive(), { code: 'ERR_WS_CONCURRENT_READ' });
    connection.terminate();
  });

  test(`messages() of a ${role} end after a clean close`, async () => {
    const { connection, peer } = await open(role);
    const messages = connection.messages();
    peer.sendText('only').sendClose(1000).end();
    const seen: string[] = [];
    for await (const message of messages) seen.push(await textOf(message));
    assert.deepEqual(seen, ['only']);
  });
}

test('a stream of one side arrives as a stream at the other, piece by piece', async (t) => {
  const { near, far } = await openPair(t);
  const messages = far.messages();
  let go: (() => void) | undefined;
  async function* source(): AsyncGenerator<string> {
    yield 'a';
    await new Promise<void>((resolve) => (go = resolve));
    yield 'b';
  }
  const sent = near.sendStream(source());
  const { value: message } = await within(messages.next(), 'a message');
  const parts = message![Symbol.asyncIterator]();
  assert.equal((await within(parts.next(), 'a part')).value, 'a');
  go?.();
  assert.equal((await within(parts.next(), 'a part')).value, 'b');
  assert.equal((await within(parts.next(), 'the end')).done, true);
  await sent;
});

test('what arrived whole before messages() was called is read first', async () => {
  const { connection, peer } = await open('server');
  peer.sendText('early').sendFrame(0x01, 'half ');
  await turns(3);
  const messages = connection.messages();
  peer.sendFrame(0x80, 'and half');
  const texts: string[] = [];
  for (let count = 0; count < 2; count++) {
    texts.push(await textOf((await within(messages.next(), 'a message')).value!));
  }
  assert.deepEqual(texts, ['early', 'half and half']);
  connection.terminate();
});
