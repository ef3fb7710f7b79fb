import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { Receiver } from '#src/protocol/receiver.js';
import {
  MaskingKeys,
  OutputBuffer,
  Protocol,
  resolveLimits,
  type ProtocolSink,
  type Role,
} from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { conversation } from './conversations.ts';
import {
  assertFailed,
  assertOpen,
  Endpoint,
  inBothRoles,
  onTheWireTo,
  outcomeOf,
  receiveSliced,
  ROLES,
  type Event,
} from './endpoint.ts';
import { frame, octetsOf, singleOctets, utf8 } from './frames.ts';
import { LIMITS } from './violations.ts';

const SILENT: ProtocolSink = { onMessage() {}, onFragment() {}, onPing() {}, onPong() {} };

for (const role of ROLES) {
  test(`§6.2 a ${role} hears what was said, however it was sliced`, () => {
    fc.assert(
      fc.property(
        conversation(role),
        fc.array(fc.nat(), { maxLength: 12 }),
        ({ octets, events, pongs, violation }, cuts) => {
          const whole = new Endpoint(role, LIMITS);
          whole.receive(octets);
          assert.deepEqual(whole.events, events);

          const sliced = new Endpoint(role, LIMITS);
          receiveSliced(sliced, octets, cuts);
          const single = new Endpoint(role, { ...LIMITS, isUtf8 });
          single.receive(...singleOctets(octets));
          const outcome = outcomeOf(whole);
          assert.deepEqual(outcomeOf(sliced), outcome);
          assert.deepEqual(outcomeOf(single), outcome);

          const answers = new Endpoint(role, LIMITS);
          receiveSliced(answers, octets, cuts);
          const sent = answers.sent().map(({ opcode, payload }) => frame(0x80 | opcode, payload));
          assert.deepEqual(sent.slice(0, pongs.length), pongs);
          const closes = events.some((event) => 'close' in event) || violation !== undefined;
          assert.equal(sent.length, pongs.length + (closes ? 1 : 0));
        },
      ),
      { numRuns: 150 },
    );
  });

  test(`§6.2 a ${role} that streams hears the same octets, however they were sliced`, () => {
    fc.assert(
      fc.property(
        conversation(role),
        fc.array(fc.nat(), { maxLength: 12 }),
        ({ octets, events, violation }, cuts) => {
          fc.pre(violation === undefined);
          const endpoint = new Endpoint(role, LIMITS);
          endpoint.protocol.streaming = true;
          receiveSliced(endpoint, octets, cuts);
          assert.deepEqual(dataOf(endpoint.events), dataOf(events));
        },
      ),
      { numRuns: 150 },
    );
  });
}

/** Messages as octets, put together from their fragments. */
function dataOf(events: readonly Event[]): unknown[] {
  const messages: unknown[] = [];
  let fragments: Uint8Array[] = [];
  for (const event of events) {
    if ('text' in event) messages.push(['text', Buffer.from(event.text).toString('hex')]);
    if ('binary' in event) messages.push(['binary', Buffer.from(event.binary).toString('hex')]);
    if (!('fragment' in event)) continue;
    fragments.push(event.fragment);
    if (!event.final) continue;
    messages.push([event.type, Buffer.concat(fragments).toString('hex')]);
    fragments = [];
  }
  return messages;
}

inBothRoles('§6.2 a message that streams is handed on as it arrives', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  assert.equal(endpoint.protocol.streaming, true);
  const octets = onTheWireTo(role, hex`01 03 48 65 6c`);
  endpoint.receive(octets.subarray(0, octets.length - 1), octets.subarray(-1));
  endpoint.receiveFrames(hex`80 02 6c 6f`);
  assert.deepEqual(endpoint.events, [
    { fragment: utf8('He'), type: 'text', final: false },
    { fragment: utf8('l'), type: 'text', final: false },
    { fragment: utf8('lo'), type: 'text', final: true },
  ]);
});

inBothRoles('§6.2 a message that streams may end with nothing', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 01 07`, hex`80 00`);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`07`, type: 'binary', final: false },
    { fragment: hex``, type: 'binary', final: true },
  ]);
});

inBothRoles('§6.2 an empty message that streams is its last part', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`82 00`);
  assert.deepEqual(endpoint.events, [{ fragment: hex``, type: 'binary', final: true }]);
});

inBothRoles('§5.4 empty fragments in the middle of a stream are no parts', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 00`, hex`00 00`, hex`80 01 07`);
  assert.deepEqual(endpoint.events, [{ fragment: hex`07`, type: 'binary', final: true }]);
});

inBothRoles('§10.4 maxMessageSize does not bind a message that streams', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 10 });
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(frame(0x02, octetsOf(100)), frame(0x80, octetsOf(100)));
  assert.deepEqual(endpoint.events, [
    { fragment: octetsOf(100), type: 'binary', final: false },
    { fragment: octetsOf(100), type: 'binary', final: true },
  ]);
});

inBothRoles('§10.4 maxSmallFragments binds a message that streams', (role) => {
  const endpoint = new Endpoint(role, { maxSmallFragments: 2 });
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 00`, hex`00 00`, hex`00 00`);
  assertFailed(endpoint, 'ERR_WS_TOO_MANY_FRAGMENTS', 1008);
});

inBothRoles('§8.1 text that streams is judged as it arrives', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  const octets = onTheWireTo(role, hex`81 05 e2 82 ac ff 41`);
  endpoint.receive(octets.subarray(0, octets.length - 4));
  assert.deepEqual(endpoint.events, [{ fragment: hex`e2`, type: 'text', final: false }]);
  endpoint.receive(octets.subarray(octets.length - 4, octets.length - 2));
  assert.equal(endpoint.events.length, 2);
  endpoint.receive(octets.subarray(octets.length - 2, octets.length - 1));
  assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
});

inBothRoles('§6.2 streaming switched on within a message begins with what is there', (role) => {
  const endpoint = new Endpoint(role);
  const octets = onTheWireTo(role, hex`02 04 01 02 03 04`);
  endpoint.receive(octets.subarray(0, octets.length - 2));
  assert.deepEqual(endpoint.events, []);
  endpoint.protocol.streaming = true;
  endpoint.receive(octets.subarray(-2));
  endpoint.receiveFrames(hex`80 01 05`);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`01 02`, type: 'binary', final: false },
    { fragment: hex`03 04`, type: 'binary', final: false },
    { fragment: hex`05`, type: 'binary', final: true },
  ]);
});

inBothRoles('§6.2 streaming switched on between fragments, before the last is empty', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 02 48 65`);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`80 00`);
  assert.deepEqual(endpoint.events, [
    { fragment: utf8('He'), type: 'text', final: false },
    { fragment: hex``, type: 'text', final: true },
  ]);
});

inBothRoles('§6.2 streaming switched off within a message goes on to its end', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 4 });
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`01 02 48 65`);
  endpoint.protocol.streaming = false;
  endpoint.receiveFrames(hex`80 03 6c 6c 6f`, hex`81 02 48 69`);
  assert.deepEqual(endpoint.events, [
    { fragment: utf8('He'), type: 'text', final: false },
    { fragment: utf8('llo'), type: 'text', final: true },
    { text: 'Hi' },
  ]);
});

inBothRoles(
  '§10.4 a frame let pass while streaming is never assembled beyond the limit',
  (role) => {
    const endpoint = new Endpoint(role, { maxMessageSize: 10 });
    endpoint.receiveFrames(hex`02 01 00`);
    endpoint.protocol.streaming = true;
    const octets = onTheWireTo(role, frame(0x80, octetsOf(256)));
    endpoint.receive(octets.subarray(0, octets.length - 256));
    endpoint.protocol.streaming = false;
    endpoint.receive(octets.subarray(-256));
    assert.deepEqual(endpoint.events, [
      { fragment: hex`00`, type: 'binary', final: false },
      { fragment: octetsOf(256), type: 'binary', final: true },
    ]);
  },
);

inBothRoles('§10.4 a length that was judged while streaming is judged again', (role) => {
  const endpoint = new Endpoint(role, { maxMessageSize: 10 });
  endpoint.protocol.streaming = true;
  const octets = onTheWireTo(role, frame(0x82, octetsOf(100)));
  endpoint.receive(octets.subarray(0, 1));
  endpoint.protocol.streaming = false;
  endpoint.receive(octets.subarray(1, 2));
  assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
});

inBothRoles('§5.5 control frames between the parts of a stream', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 01 01`, hex`89 01 70`, hex`80 01 02`);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`01`, type: 'binary', final: false },
    { ping: hex`70` },
    { fragment: hex`02`, type: 'binary', final: true },
  ]);
});

inBothRoles('§7.1.2 a stream stops where this side says Close', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.streaming = true;
  endpoint.receiveFrames(hex`02 01 01`);
  endpoint.protocol.sendClose(1000);
  endpoint.receiveFrames(hex`80 01 02`, hex`88 02 03 e8`);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`01`, type: 'binary', final: false },
    { close: { code: 1000, reason: '' } },
  ]);
});

interface Lent {
  readonly octets: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly lent: boolean;
}

/** What `onMessage` is called with, without a copy. */
function messagesOf(role: Role, ...chunks: readonly Uint8Array[]): Lent[] {
  const messages: Lent[] = [];
  const protocol = new Protocol({
    role,
    limits: resolveLimits(),
    output: new OutputBuffer(),
    maskingKeys: role === 'client' ? new MaskingKeys(() => {}) : undefined,
    sink: {
      ...SILENT,
      onMessage: (_type, octets, start, end, lent) => messages.push({ octets, start, end, lent }),
    },
  });
  for (const chunk of chunks) protocol.receive(chunk);
  return messages;
}

inBothRoles('§6.2 a message in one chunk is lent: the chunk itself, not a copy', (role) => {
  const chunk = onTheWireTo(role, hex`82 03 01 02 03`);
  const [message] = messagesOf(role, chunk);
  assert.ok(message !== undefined);
  assert.equal(message.octets, chunk);
  assert.equal(message.lent, true);
  assert.deepEqual(chunk.slice(message.start, message.end), hex`01 02 03`);
});

inBothRoles('§6.2 a message in several chunks belongs to the receiver', (role) => {
  const octets = onTheWireTo(role, frame(0x82, octetsOf(3000)));
  const chunks = [octets.slice(0, 1000), octets.slice(1000, 2000), octets.slice(2000)];
  const [message] = messagesOf(role, ...chunks);
  assert.ok(message !== undefined);
  assert.equal(message.lent, false);
  for (const chunk of chunks) {
    assert.notEqual(message.octets.buffer, chunk.buffer);
    chunk.fill(0);
  }
  assert.deepEqual(message.octets.slice(message.start, message.end), octetsOf(3000));
});

inBothRoles('§5.4 a message in several fragments belongs to the receiver', (role) => {
  const chunk = onTheWireTo(role, hex`02 01 01`, hex`80 01 02`);
  const [message] = messagesOf(role, chunk);
  assert.ok(message !== undefined);
  assert.equal(message.lent, false);
  assert.notEqual(message.octets.buffer, chunk.buffer);
});

inBothRoles('§5.4 two messages in fragments do not share memory', (role) => {
  const chunk = onTheWireTo(role, hex`02 01 01`, hex`80 01 02`, hex`02 01 03`, hex`80 01 04`);
  const [first, second] = messagesOf(role, chunk);
  assert.notEqual(first?.octets.buffer, second?.octets.buffer);
  assert.deepEqual(first?.octets.slice(first.start, first.end), hex`01 02`);
});

inBothRoles('§5.4 with empty fragments before it, a single payload is still lent', (role) => {
  const [first, second] = messagesOf(
    role,
    onTheWireTo(role, hex`02 00`, hex`80 02 01 02`, hex`02 01 03`, hex`80 00`),
  );
  assert.deepEqual(first?.octets.slice(first.start, first.end), hex`01 02`);
  assert.equal(first?.lent, true);
  assert.deepEqual(second?.octets.slice(second.start, second.end), hex`03`);
  assert.equal(second?.lent, false);
});

inBothRoles('§5.5 every completed frame is counted, data and control', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 01 41`, hex`89 00`, hex`80 01 41`, hex`8a 00`);
  assert.equal(endpoint.protocol.framesReceived, 4);
  const octets = onTheWireTo(role, hex`81 02 41 41`);
  endpoint.receive(octets.subarray(0, octets.length - 1));
  assert.equal(endpoint.protocol.framesReceived, 4);
  endpoint.receive(octets.subarray(-1));
  assert.equal(endpoint.protocol.framesReceived, 5);
});

test('§5.5 the count of frames goes on from 0 after 2^31 - 1', () => {
  const obligations = { owePong() {}, oweClose() {}, failReceiving() {} };
  const receiver = new Receiver('client', resolveLimits(), SILENT, obligations, undefined);
  receiver.framesReceived = 0x7fffffff;
  receiver.receive(hex`8a 00`);
  assert.equal(receiver.framesReceived, 0);
});

inBothRoles('§7.1.5 it is known where the octets broke off', (role) => {
  for (const [octets, cut, position] of [
    [hex``, 0, 'between messages'],
    [hex`81 01 41`, 0, 'between messages'],
    [hex`01 01 41`, 0, 'within a message'],
    [hex`01 00`, 0, 'within a message'],
    [hex`81 02 41 41`, 1, 'within a frame'],
    [hex`89 02 41 41`, 1, 'within a frame'],
    [hex`81 00`, 1, 'within a frame'],
  ] as const) {
    const endpoint = new Endpoint(role);
    const wire = onTheWireTo(role, octets);
    endpoint.receive(wire.subarray(0, wire.length - cut));
    assert.equal(endpoint.protocol.isWithinFrame, position === 'within a frame');
    endpoint.protocol.receiveEnd();
    assert.match(endpoint.protocol.error?.message ?? '', new RegExp(`: ${position} \\(`, 'u'));
  }
});

inBothRoles('§5.5 a control frame that chunks cut, between two chunks of a message', (role) => {
  const endpoint = new Endpoint(role);
  const payload = octetsOf(125);
  endpoint.receiveFrames(hex`01 02 48 65`);
  endpoint.receive(...singleOctets(onTheWireTo(role, frame(0x89, payload))));
  endpoint.receive(...singleOctets(onTheWireTo(role, frame(0x8a, payload))));
  endpoint.receiveFrames(hex`80 01 79`);
  assert.deepEqual(endpoint.events, [{ ping: payload }, { pong: payload }, { text: 'Hey' }]);
  assertOpen(endpoint);
});

inBothRoles(
  '§7.1.7 a sink that fails the connection within a chunk hears no more of it',
  (role) => {
    const endpoint = new Endpoint(role);
    endpoint.onEvent = (event) => {
      if ('text' in event) endpoint.protocol.fail(new Error('the application'), 1011);
    };
    endpoint.receiveFrames(hex`89 00`);
    endpoint.receive(onTheWireTo(role, hex`81 01 41`, hex`81 01 42`, hex`89 00`));
    assert.deepEqual(endpoint.events, [{ ping: hex`` }, { text: 'A' }, { failure: undefined }]);
  },
);

inBothRoles('§7.1.2 a sink that closes within a chunk gets no more messages of it', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.onEvent = (event) => {
    if ('text' in event) endpoint.protocol.sendClose(1000);
  };
  endpoint.receive(onTheWireTo(role, hex`81 01 41`, hex`81 01 42`, hex`88 02 03 e8`));
  assert.deepEqual(endpoint.events, [{ text: 'A' }, { close: { code: 1000, reason: '' } }]);
});
