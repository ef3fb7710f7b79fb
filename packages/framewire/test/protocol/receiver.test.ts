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
  assertOpen,
  Endpoint,
  inBothRoles,
  onTheWireTo,
  outcomeOf,
  receiveSliced,
  ROLES,
  type Event,
} from './endpoint.ts';
import { concat, frame, octetsOf, singleOctets, utf8 } from './frames.ts';
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

  test(`a ${role} at rest can be replaced at any moment, to the same result`, () => {
    let replaced = 0;
    fc.assert(
      fc.property(conversation(role), ({ octets }) => {
        const whole = new Endpoint(role, LIMITS);
        whole.receive(octets);
        const events: Event[] = [];
        const written: Uint8Array[] = [];
        let endpoint = new Endpoint(role, LIMITS);
        for (const octet of singleOctets(octets)) {
          endpoint.receive(octet);
          if (!endpoint.protocol.isAtRest) continue;
          events.push(...endpoint.events);
          written.push(endpoint.written());
          endpoint = new Endpoint(role, LIMITS);
          replaced++;
        }
        assert.deepEqual([...events, ...endpoint.events], whole.events);
        assert.deepEqual(concat(...written, endpoint.written()), whole.written());
        assert.equal(endpoint.protocol.state, whole.protocol.state);
        assert.equal(endpoint.protocol.error?.message, whole.protocol.error?.message);
      }),
      { numRuns: 150 },
    );
    assert.ok(replaced > 100);
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

inBothRoles('§8.1 the native check that is given is used for long text', (role) => {
  let asked = 0;
  const endpoint = new Endpoint(role, { isUtf8: (octets) => (asked += octets.length) > 0 });
  endpoint.receiveFrames(frame(0x81, utf8('x'.repeat(100))));
  assert.equal(asked, 100);
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
  assert.equal(message.octets.buffer.byteLength, 3000, 'no more than its octets');
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
  const receiver = new Receiver({
    role: 'client',
    limits: resolveLimits(),
    sink: SILENT,
    obligations,
    natives: {},
    inflating: undefined,
  });
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
