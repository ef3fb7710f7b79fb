import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createDeflateRaw, type DeflateRaw } from 'node:zlib';
import { WebSocketLog } from '#src/inspector/websocket-log.js';

function contents(log: WebSocketLog): (string | undefined)[] {
  return log.messages.map(({ content }) => content && Buffer.from(content).toString());
}

test('RFC 6455 §5.7: the examples, octet by octet', () => {
  const log = new WebSocketLog('', 65_536);
  const masked = '818537fa213d7f9f4d5158';
  const fragments = '010348656c890548656c6c6f80026c6f';
  for (const octet of Buffer.from(masked, 'hex')) log.add('request', Uint8Array.of(octet));
  for (const octet of Buffer.from(fragments, 'hex')) log.add('answer', Uint8Array.of(octet));
  assert.deepEqual(contents(log), ['Hello', 'Hello', 'Hello']);
  assert.deepEqual(
    log.messages.map(({ side, type, octets }) => [side, type, octets]),
    [
      ['request', 'text', 5],
      ['answer', 'ping', 5],
      ['answer', 'text', 5],
    ],
  );
});

test('RFC 7692 §7.2.3.2: messages that refer to those before', async () => {
  const log = new WebSocketLog('permessage-deflate', 65_536);
  const deflate = createDeflateRaw();
  for (const word of ['Hello, hello, hello', 'Hello, hello, hello']) {
    const payload = await flushed(deflate, word);
    log.add('answer', Buffer.concat([Uint8Array.of(0xc1, payload.length), payload]));
  }
  deflate.close();
  assert.deepEqual(contents(log), ['Hello, hello, hello', 'Hello, hello, hello']);
  assert.ok(log.messages[1]!.octets < log.messages[0]!.octets);
});

test('what cannot be inflated is told as such, and what refers to it', () => {
  const log = new WebSocketLog('permessage-deflate', 65_536);
  log.add('answer', Buffer.from('c102ffffc102f248', 'hex'));
  assert.deepEqual(contents(log), [undefined, undefined]);
});

test('of a long message the beginning is kept, and the frame after it is read', () => {
  const log = new WebSocketLog('', 65_536);
  const header = Buffer.from('827f0000000000100000', 'hex');
  log.add('answer', Buffer.concat([header, Buffer.alloc(0x100000), Buffer.from('810161', 'hex')]));
  assert.deepEqual(
    log.messages.map(({ octets, content, isWhole }) => [octets, content?.length, isWhole]),
    [
      [0x100000, 4096, false],
      [1, 1, true],
    ],
  );
});

test('the oldest messages go, by number and by octets', () => {
  const many = new WebSocketLog('', 1_000_000);
  for (let count = 0; count < 250; count++) many.add('answer', Buffer.from('810161', 'hex'));
  assert.equal(many.messages.length, 200);
  assert.equal(many.dropped, 50);
  const heavy = new WebSocketLog('', 1000);
  for (let count = 0; count < 9; count++) {
    heavy.add('answer', Buffer.concat([Uint8Array.of(0x82, 100), Buffer.alloc(100)]));
  }
  assert.ok(heavy.weight <= 1000);
  assert.equal(heavy.messages.length + heavy.dropped, 9);
});

/** A message as the extension sends it: flushed, without the tail. */
function flushed(deflate: DeflateRaw, text: string): Promise<Buffer> {
  return new Promise((resolve) => {
    deflate.write(text);
    deflate.flush(constants.Z_SYNC_FLUSH, () => {
      const octets = deflate.read() as Buffer;
      resolve(octets.subarray(0, -4));
    });
  });
}
