/** Peers that send much, or say they will: what it may cost, and where it ends. */
import assert from 'node:assert/strict';
import {
  MaskingKeys,
  OutputBuffer,
  Protocol,
  resolveLimits,
  type LimitOptions,
  type Role,
} from 'framewire/protocol';
import { hex } from 'framewire/testing';
import {
  assertFailed,
  assertOpen,
  Endpoint,
  inBothRoles,
  onTheWireTo,
} from '../protocol/endpoint.ts';
import { concat, frame, header, masked, octetsOf, singleOctets } from '../protocol/frames.ts';
import { allocationsOf, retainedBy } from '../protocol/memory.ts';

const MIB = 1024 * 1024;
const MILLION = 1_000_000;

/** A protocol that counts what it is told instead of keeping it. */
class Counter {
  messages = 0;
  octets = 0;
  pings = 0;
  failure: unknown;
  readonly protocol: Protocol;
  readonly output = new OutputBuffer();

  constructor(role: Role, limits: LimitOptions = {}) {
    this.protocol = new Protocol({
      role,
      limits: resolveLimits(limits),
      output: this.output,
      maskingKeys: role === 'client' ? new MaskingKeys(() => {}) : undefined,
      sink: {
        onMessage: (_type, _octets, start, end) => this.#count(end - start),
        onFragment: (_type, _octets, start, end, final) => this.#count(end - start, final),
        onPing: () => this.pings++,
        onPong: () => {},
        onFailure: (error) => (this.failure = Reflect.get(error, 'code')),
      },
    });
  }

  #count(octets: number, final: boolean = true): void {
    this.octets += octets;
    if (final) this.messages++;
  }
}

/** The frame `count` times, as the peer of `role` sends it, with a key of zeros: all alike. */
function repeated(role: Role, count: number, octets: Uint8Array): Uint8Array {
  const wire = role === 'server' ? masked(octets, hex`00 00 00 00`) : octets;
  const chunk = new Uint8Array(count * wire.length);
  chunk.set(wire);
  for (let at = wire.length; at < chunk.length; at *= 2) chunk.copyWithin(at, 0, at);
  return chunk;
}

inBothRoles('§10.4 case 46: a gibibyte announced within the limit, and 10 octets of it', (role) => {
  const { protocol } = new Endpoint(role, { maxMessageSize: 2 ** 31 });
  const wire = onTheWireTo(role, concat(header(0x82, 1024 * MIB), octetsOf(10)));
  const allocations = allocationsOf(() => {
    for (const octet of singleOctets(wire)) protocol.receive(octet);
  });
  const sum = allocations.reduce((sum, length) => sum + length, 0);
  assert.ok(sum <= 2048, `${sum} octets are allocated`);
});

inBothRoles('§10.4 case 46: a gibibyte announced beyond the limit', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receive(onTheWireTo(role, header(0x82, 1024 * MIB)).subarray(0, 10));
  assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
});

inBothRoles('§5.2 case 48: a million frames in one chunk', (role) => {
  const counter = new Counter(role);
  counter.protocol.receive(repeated(role, MILLION, hex`81 01 41`));
  assert.equal(counter.messages, MILLION);
  assert.equal(counter.octets, MILLION);
});

inBothRoles('§10.4 case 71: a million empty fragments end with 1008 and keep nothing', (role) => {
  const counter = new Counter(role);
  counter.protocol.receive(onTheWireTo(role, hex`02 00`));
  const chunk = repeated(role, MILLION / 10, hex`00 00`);
  const retained = retainedBy(() => {
    for (let count = 0; count < 10; count++) counter.protocol.receive(chunk);
  });
  assert.equal(counter.failure, 'ERR_WS_TOO_MANY_FRAGMENTS');
  assert.equal(counter.messages, 0);
  assert.ok(retained < MIB, `${retained} octets are retained`);
});

inBothRoles('§10.4 case 71: without a limit a million empty fragments cost nothing', (role) => {
  const counter = new Counter(role, { maxSmallFragments: Infinity });
  counter.protocol.receive(onTheWireTo(role, hex`02 00`));
  const chunk = repeated(role, MILLION / 10, hex`00 00`);
  const retained = retainedBy(() => {
    for (let count = 0; count < 10; count++) counter.protocol.receive(chunk);
  });
  assert.ok(retained < MIB, `${retained} octets are retained`);
  counter.protocol.receive(onTheWireTo(role, hex`80 01 41`));
  assert.equal(counter.octets, 1);
});

inBothRoles('§10.4 case 71: fragments of one octet cost their octets, until 1008', (role) => {
  const counter = new Counter(role);
  counter.protocol.receive(onTheWireTo(role, hex`02 00`));
  const fragment = repeated(role, 1, hex`00 01 41`);
  const allocations = allocationsOf(() => {
    for (let count = 1; count < 131_072; count++) counter.protocol.receive(fragment);
  });
  assert.equal(counter.failure, undefined);
  assert.ok(Math.max(...allocations) <= 2 * 131_072);
  assert.ok(allocations.length < 20, `${allocations.length} allocations`);
  counter.protocol.receive(fragment);
  assert.equal(counter.failure, 'ERR_WS_TOO_MANY_FRAGMENTS');
});

inBothRoles('§10.4 case 71: as many small fragments as allowed are a message', (role) => {
  const counter = new Counter(role);
  counter.protocol.receive(onTheWireTo(role, hex`02 01 41`));
  counter.protocol.receive(repeated(role, 131_070, hex`00 01 41`));
  counter.protocol.receive(onTheWireTo(role, hex`80 01 41`));
  assert.equal(counter.failure, undefined);
  assert.equal(counter.messages, 1);
  assert.equal(counter.octets, 131_072);
});

inBothRoles('§10.4 case 71: 4 MiB in fragments of 64 octets are a message', (role) => {
  const counter = new Counter(role);
  const count = (4 * MIB) / 64;
  counter.protocol.receive(onTheWireTo(role, frame(0x02, octetsOf(64))));
  const chunk = repeated(role, count - 2, frame(0x00, octetsOf(64)));
  const allocations = allocationsOf(() => counter.protocol.receive(chunk));
  counter.protocol.receive(onTheWireTo(role, frame(0x80, octetsOf(64))));
  assert.equal(counter.failure, undefined);
  assert.equal(counter.messages, 1);
  assert.equal(counter.octets, 4 * MIB);
  const sum = allocations.reduce((sum, length) => sum + length, 0);
  assert.ok(sum <= 16 * MIB, `${sum} octets are allocated`);
});

inBothRoles('§10.4 case 71: 20 000 fragments of 4 KiB are a message', (role) => {
  const counter = new Counter(role, { maxMessageSize: Infinity });
  counter.protocol.streaming = true;
  const fragment = repeated(role, 1, frame(0x00, octetsOf(4096)));
  counter.protocol.receive(onTheWireTo(role, hex`02 00`));
  for (let count = 0; count < 20_000; count++) counter.protocol.receive(fragment);
  counter.protocol.receive(onTheWireTo(role, hex`80 00`));
  assert.equal(counter.failure, undefined);
  assert.equal(counter.messages, 1);
  assert.equal(counter.octets, 20_000 * 4096);
});

inBothRoles('§10.4 case 72: a million messages, in fragments too, trip no counter', (role) => {
  const counter = new Counter(role, { maxSmallFragments: 4, maxMessageSize: 16 });
  const whole = repeated(role, 1000, hex`81 01 41`);
  const fragmented = repeated(role, 1, hex`02 01 41`);
  const parts = [fragmented, repeated(role, 2, hex`00 00`), repeated(role, 1, hex`80 01 41`)];
  const twice = concat(...parts, ...parts);
  for (let count = 0; count < 1000; count++) {
    counter.protocol.receive(whole);
    counter.protocol.receive(twice);
  }
  assert.equal(counter.failure, undefined);
  assert.equal(counter.messages, MILLION + 2000);
});

inBothRoles('§5.5.3 case 73: of a flood of Pings only the last is remembered', (role) => {
  const counter = new Counter(role);
  counter.protocol.holdPongs();
  const chunk = repeated(role, 1000, frame(0x89, octetsOf(125)));
  const retained = retainedBy(() => {
    for (let count = 0; count < 100; count++) counter.protocol.receive(chunk);
  });
  assert.equal(counter.pings, 100_000);
  assert.deepEqual(counter.output.take(), []);
  assert.ok(retained < MIB, `${retained} octets are retained`);
  counter.protocol.receive(onTheWireTo(role, hex`89 01 07`));
  counter.protocol.releasePongs();
  assert.equal(concat(...counter.output.take()).length, role === 'client' ? 7 : 3);
});

inBothRoles('§5.5.2 case 73: a hundred Pings are each answered', (role) => {
  const endpoint = new Endpoint(role);
  const pings = Array.from({ length: 100 }, (_, index) => frame(0x89, Uint8Array.of(index)));
  endpoint.receiveFrames(...pings);
  assert.deepEqual(
    endpoint.sent().map(({ payload }) => payload[0]),
    Array.from({ length: 100 }, (_, index) => index),
  );
  assertOpen(endpoint);
});
