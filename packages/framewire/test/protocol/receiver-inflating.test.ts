/** RFC 7692 §7.2.2 as the machine does it, with an inflater that does as it is told. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'node:test';
import { TimeoutError, type ErrorCode } from '#src/errors.js';
import type {
  Inflater,
  InflaterSource,
  InflateStep,
  InflateWaiter,
} from '#src/protocol/inflater.js';
import { mostCompressedOctets } from '#src/protocol/limits.js';
import {
  MaskingKeys,
  OutputBuffer,
  PreparedMessage,
  Protocol,
  resolveLimits,
  type LimitOptions,
  type Role,
} from 'framewire/protocol';
import { hex } from 'framewire/testing';
import {
  assertClose,
  assertFailed,
  decode,
  Endpoint,
  inBothRoles,
  onTheWireTo,
  ROLES,
  type Event,
} from './endpoint.ts';
import { concat, frame, header, octetsOf, readFrames, slicesOf, utf8 } from './frames.ts';

/** What an inflater says next; without a step it gives what was put in, and is done. */
interface Step {
  readonly step: InflateStep;
  readonly octets?: Uint8Array;
}

const NOTHING = new Uint8Array(0);

const WAITING: Step = { step: 'waiting' };
const CORRUPT: Step = { step: 'corrupt' };

function piece(octets: Uint8Array): Step {
  return { step: 'piece', octets };
}

function done(octets: Uint8Array = hex``): Step {
  return { step: 'done', octets };
}

/** All that one direction of a connection makes, and what becomes of it. */
class FakeInflaters implements InflaterSource {
  readonly made: FakeInflater[] = [];
  readonly steps: Step[] = [];
  /** What is called before each step. */
  onStep: (() => void) | undefined;
  keepsContext = true;
  /** Every call but `inflate`, in order. */
  readonly calls: string[] = [];

  createInflater(waiter: InflateWaiter | undefined): Inflater {
    assert.ok(waiter !== undefined);
    const inflater = new FakeInflater(this, waiter);
    this.made.push(inflater);
    return inflater;
  }

  takeCalls(): string[] {
    return this.calls.splice(0);
  }
}

class FakeInflater implements Inflater {
  octets: Uint8Array = NOTHING;
  length = 0;
  readonly waiter: InflateWaiter;
  readonly #source: FakeInflaters;
  #input: Uint8Array = NOTHING;
  #isOver = false;

  constructor(source: FakeInflaters, waiter: InflateWaiter) {
    this.#source = source;
    this.waiter = waiter;
  }

  put(octets: Uint8Array, start: number, end: number, final: boolean): void {
    this.#call(`put ${end - start}${final ? ' final' : ''}`);
    this.#input = octets.subarray(start, end);
  }

  inflate(): InflateStep {
    assert.equal(this.#isOver, false, 'it is not used any more');
    this.#source.onStep?.();
    const { step, octets } = this.#source.steps.shift() ?? done(this.#input);
    if (octets === undefined) return step;
    // With something in front of the end that must not be looked at.
    this.octets = concat(octets, hex`ee ee`);
    this.length = octets.length;
    return step;
  }

  keep(): void {
    this.#call('keep');
    this.#input = this.#input.slice();
  }

  endMessage(): boolean {
    this.#call('end');
    this.#isOver = !this.#source.keepsContext;
    return this.#source.keepsContext;
  }

  close(): void {
    this.#call('close');
    this.#isOver = true;
  }

  #call(name: string): void {
    assert.equal(this.#isOver, false, `${name} after the end`);
    this.#source.calls.push(name);
  }
}

class InflatingEndpoint {
  readonly role: Role;
  readonly protocol: Protocol;
  readonly inflaters = new FakeInflaters();
  readonly events: Event[] = [];
  onEvent: ((event: Event) => void) | undefined;
  /** How often the machine has said that it can go on. */
  toldToGoOn = 0;
  readonly #output = new OutputBuffer();

  constructor(role: Role, limits: LimitOptions = {}, hasWaiter: boolean = true) {
    this.role = role;
    const onInflated = (): void => void this.toldToGoOn++;
    this.protocol = new Protocol({
      role,
      limits: resolveLimits(limits),
      output: this.#output,
      maskingKeys: role === 'client' ? new MaskingKeys((target) => target.fill(7)) : undefined,
      inflaters: this.inflaters,
      ...(hasWaiter && { inflateWaiter: { onInflated } }),
      sink: {
        onMessage: (type, octets, start, end) => {
          const data = octets.slice(start, end);
          this.#record(type === 'text' ? { text: decode(data) } : { binary: data });
        },
        onFragment: (type, octets, start, end, final) => {
          this.#record({ fragment: octets.slice(start, end), type, final });
        },
        onPing: (octets, start, end) => this.#record({ ping: octets.slice(start, end) }),
        onPong: (octets, start, end) => this.#record({ pong: octets.slice(start, end) }),
        onClose: (close) => this.#record({ close }),
        onFailure: (error) => this.#record({ failure: Reflect.get(error, 'code') as ErrorCode }),
      },
    });
  }

  /** Frames, or beginnings of such, in one call; how many of their octets were left. */
  receive(...frames: readonly Uint8Array[]): number {
    const chunk = onTheWireTo(this.role, ...frames);
    const read = this.protocol.receive(chunk);
    // Whoever has read octets, and wants them later, has kept them.
    chunk.fill(0xaa, 0, read);
    return chunk.length - read;
  }

  /** Goes on with what was read already. */
  goOn(): void {
    assert.equal(this.protocol.receive(NOTHING), 0);
  }

  get sent(): number[] {
    return readFrames(concat(...this.#output.take())).map(({ opcode }) => opcode);
  }

  assertFailed(code: ErrorCode, closeCode: number): void {
    assert.deepEqual(this.events.at(-1), { failure: code });
    const frames = readFrames(concat(...this.#output.take()));
    assertClose(frames.at(-1)!, closeCode);
    assert.equal(this.protocol.inflating, 'no');
    const { length } = this.events;
    assert.equal(this.receive(hex`81 02 48 69`, hex`ff`), 0, 'nothing is kept for later');
    this.inflaters.made.at(-1)?.waiter.onInflated();
    this.goOn();
    assert.equal(this.events.length, length, 'nothing happens after a failure');
    assert.equal(this.toldToGoOn, 0);
  }

  #record(event: Event): void {
    this.events.push(event);
    this.onEvent?.(event);
  }
}

const HELLO = frame(0xc1, utf8('Hello'));

inBothRoles('a compressed message is put in, and what comes out is the message', (role) => {
  const endpoint = new InflatingEndpoint(role);
  assert.equal(endpoint.receive(HELLO), 0);
  assert.deepEqual(endpoint.events, [{ text: 'Hello' }]);
  assert.equal(endpoint.protocol.inflating, 'no');
  assert.deepEqual(endpoint.inflaters.takeCalls(), ['put 5 final', 'end']);
});

inBothRoles('what is compressed is not read where the message is put together', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const octets = onTheWireTo(role, frame(0xc2, octetsOf(100_000)));
  endpoint.protocol.receive(octets.slice(0, 1000));
  assert.equal(endpoint.inflaters.made.length, 1);
  assert.equal(endpoint.protocol.room, undefined);
});

inBothRoles('an inflater is made for the first message that is compressed', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters } = endpoint;
  endpoint.receive(hex`81 02 48 69`, hex`89 00`, hex`02 01 07`, hex`80 00`);
  assert.equal(inflaters.made.length, 0);
  endpoint.receive(HELLO);
  assert.equal(inflaters.made.length, 1);
});

inBothRoles('an inflater with a context is kept, also while others are received', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters } = endpoint;
  endpoint.receive(HELLO, hex`81 02 48 69`, hex`8a 00`, HELLO);
  assert.equal(inflaters.made.length, 1);
  assert.deepEqual(inflaters.takeCalls(), ['put 5 final', 'end', 'put 5 final', 'end']);
  endpoint.protocol.receiveEnd();
  assert.deepEqual(inflaters.takeCalls(), ['close']);
});

inBothRoles('an inflater without context is let go of after each message, unclosed', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters } = endpoint;
  inflaters.keepsContext = false;
  endpoint.receive(HELLO, HELLO);
  assert.equal(inflaters.made.length, 2);
  endpoint.protocol.receiveEnd();
  assert.deepEqual(inflaters.takeCalls(), ['put 5 final', 'end', 'put 5 final', 'end']);
});

inBothRoles('the fragments of a message are put in as they come', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters } = endpoint;
  endpoint.receive(hex`41 02 48 65`, hex`89 01 07`, hex`00 00`, hex`00 02 6c 6c`);
  assert.deepEqual(endpoint.events, [{ ping: hex`07` }]);
  endpoint.receive(hex`80 01 6f`);
  assert.deepEqual(endpoint.events, [{ ping: hex`07` }, { text: 'Hello' }]);
  assert.deepEqual(inflaters.takeCalls(), ['put 2', 'put 0', 'put 2', 'put 1 final', 'end']);
});

inBothRoles('a frame in several chunks is put in as it comes; the last octet is final', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters } = endpoint;
  const octets = onTheWireTo(role, HELLO);
  const cut = octets.length - 2;
  assert.equal(endpoint.protocol.receive(octets.slice(0, cut)), cut);
  assert.equal(endpoint.protocol.receive(octets.slice(cut)), 2);
  assert.deepEqual(endpoint.events, [{ text: 'Hello' }]);
  assert.deepEqual(inflaters.takeCalls(), ['put 3', 'put 2 final', 'end']);
});

inBothRoles('messages of nothing are put in as well', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters } = endpoint;
  endpoint.receive(hex`c1 00`, hex`42 00`, hex`80 00`);
  assert.deepEqual(endpoint.events, [{ text: '' }, { binary: hex`` }]);
  assert.deepEqual(inflaters.takeCalls(), ['put 0 final', 'end', 'put 0', 'put 0 final', 'end']);
});

inBothRoles('pieces are put together', (role) => {
  for (const last of [done(), done(utf8('o')), piece(utf8('o'))]) {
    const endpoint = new InflatingEndpoint(role);
    const { inflaters } = endpoint;
    inflaters.steps.push(piece(utf8('He')), piece(hex``), piece(utf8('ll')), last);
    if (last.step === 'piece') inflaters.steps.push(done());
    endpoint.receive(frame(0xc2, octetsOf(3)));
    const expected = last.octets?.length === 0 ? 'Hell' : 'Hello';
    assert.deepEqual(endpoint.events, [{ binary: utf8(expected) }]);
  }
});

inBothRoles('§8.1 a code point may be cut by pieces, fragments and chunks', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters } = endpoint;
  inflaters.steps.push(piece(hex`f0`), done(hex`9f`), piece(hex`99`), done(hex`82`));
  endpoint.receive(hex`41 01 00`, hex`80 01 00`);
  assert.deepEqual(endpoint.events, [{ text: '🙂' }]);
});

inBothRoles('§8.1 text that inflates to no UTF-8 fails as soon as that is out', (role) => {
  const endpoint = new InflatingEndpoint(role);
  endpoint.inflaters.steps.push(piece(hex`48 ff`), CORRUPT);
  endpoint.receive(hex`41 01 00`);
  endpoint.assertFailed('ERR_WS_INVALID_UTF8', 1007);
  assert.deepEqual(endpoint.inflaters.takeCalls(), ['put 1', 'close']);
});

inBothRoles('§8.1 text that inflates to a part of a code point fails with its end', (role) => {
  for (const keepsContext of [true, false]) {
    const endpoint = new InflatingEndpoint(role);
    endpoint.inflaters.keepsContext = keepsContext;
    endpoint.inflaters.steps.push(done(hex`e2 82`));
    endpoint.receive(hex`c1 01 00`);
    endpoint.assertFailed('ERR_WS_INVALID_UTF8', 1007);
    const closes = keepsContext ? ['close'] : [];
    assert.deepEqual(endpoint.inflaters.takeCalls(), ['put 1 final', 'end', ...closes]);
  }
});

inBothRoles('§7.1.7 what cannot be inflated fails the connection', (role) => {
  for (const before of [[], [piece(utf8('He'))], [WAITING]] satisfies Step[][]) {
    const endpoint = new InflatingEndpoint(role);
    endpoint.inflaters.steps.push(...before, CORRUPT);
    endpoint.receive(HELLO);
    if (before[0] === WAITING) endpoint.goOn();
    endpoint.assertFailed('ERR_WS_INFLATE', 1007);
    assert.equal(endpoint.inflaters.takeCalls().at(-1), 'close');
  }
});

inBothRoles('while an inflater waits nothing more is read, and it keeps what it needs', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters } = endpoint;
  inflaters.steps.push(WAITING);
  const rest = [hex`89 01 07`, hex`81 02 48 69`];
  const left = endpoint.receive(HELLO, ...rest);
  assert.equal(left, onTheWireTo(role, ...rest).length);
  assert.equal(endpoint.protocol.inflating, 'waiting');
  assert.deepEqual(inflaters.takeCalls(), ['put 5 final', 'keep']);
  // Whoever calls before it was told finds that it still takes time.
  inflaters.steps.push(WAITING);
  assert.equal(endpoint.receive(...rest), left);
  assert.equal(endpoint.protocol.inflating, 'waiting');
  assert.deepEqual(endpoint.events, []);
  inflaters.made[0]!.waiter.onInflated();
  assert.equal(endpoint.protocol.inflating, 'ready');
  assert.equal(endpoint.receive(...rest), 0);
  assert.equal(endpoint.protocol.inflating, 'no');
  assert.deepEqual(endpoint.events, [{ text: 'Hello' }, { ping: hex`07` }, { text: 'Hi' }]);
});

inBothRoles('that an inflater can go on is told once, and only while it is waited for', (role) => {
  const endpoint = new InflatingEndpoint(role);
  endpoint.receive(HELLO);
  const [{ waiter }] = endpoint.inflaters.made as [FakeInflater];
  waiter.onInflated();
  assert.equal(endpoint.toldToGoOn, 0);
  endpoint.inflaters.steps.push(WAITING);
  endpoint.receive(HELLO);
  waiter.onInflated();
  waiter.onInflated();
  assert.equal(endpoint.toldToGoOn, 1);
  endpoint.goOn();
  assert.deepEqual(endpoint.events, [{ text: 'Hello' }, { text: 'Hello' }]);
});

inBothRoles('whoever has no waiter may look for itself', (role) => {
  const endpoint = new InflatingEndpoint(role, {}, false);
  endpoint.inflaters.steps.push(WAITING);
  endpoint.receive(HELLO);
  endpoint.inflaters.made[0]!.waiter.onInflated();
  assert.equal(endpoint.protocol.inflating, 'ready');
  endpoint.goOn();
  assert.deepEqual(endpoint.events, [{ text: 'Hello' }]);
});

inBothRoles(
  'an inflater may wait again and again, between pieces and in the middle of a frame',
  (role) => {
    const endpoint = new InflatingEndpoint(role);
    const { steps } = endpoint.inflaters;
    steps.push(WAITING, WAITING, piece(utf8('a')), WAITING, done(utf8('b')));
    const octets = onTheWireTo(role, frame(0xc1, utf8('xyz')));
    assert.equal(endpoint.protocol.receive(octets.subarray(0, -1)), octets.length - 1);
    for (const expected of ['waiting', 'waiting', 'no']) {
      endpoint.goOn();
      assert.equal(endpoint.protocol.inflating, expected);
    }
    assert.equal(steps.length, 0);
    steps.push(WAITING, done(utf8('c')));
    assert.equal(endpoint.protocol.receive(octets.subarray(-1)), 1);
    assert.deepEqual(endpoint.events, []);
    endpoint.goOn();
    assert.deepEqual(endpoint.events, [{ text: 'abc' }]);
  },
);

/** What one call of `receive` inflates. */
const MAX_INFLATED = 256 * 1024;

const LARGE_PIECE = octetsOf(64 * 1024);
const PIECES_PER_CALL = MAX_INFLATED / LARGE_PIECE.length;

inBothRoles('one call inflates no more than its share', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { steps } = endpoint.inflaters;
  const count = 3 * PIECES_PER_CALL - 1;
  // The last call has some of its share left.
  steps.push(...Array.from({ length: count }, () => piece(LARGE_PIECE)), done(hex`07`));
  const left = endpoint.receive(frame(0xc2, octetsOf(9)), hex`89 00`);
  assert.equal(left, onTheWireTo(role, hex`89 00`).length);
  assert.deepEqual(endpoint.inflaters.takeCalls(), ['put 9 final', 'keep']);
  for (let call = 1; call <= 2; call++) {
    assert.equal(endpoint.protocol.inflating, 'ready');
    assert.equal(steps.length, (3 - call) * PIECES_PER_CALL);
    assert.deepEqual(endpoint.events, []);
    assert.equal(endpoint.receive(hex`89 00`), call === 1 ? left : 0);
  }
  assert.equal(endpoint.protocol.inflating, 'no');
  const [message, ping] = endpoint.events;
  assert.ok(message !== undefined && 'binary' in message);
  assert.equal(message.binary.length, count * LARGE_PIECE.length + 1);
  assert.deepEqual(ping, { ping: hex`` });
});

inBothRoles('many small messages share what one call inflates', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const count = 2 * PIECES_PER_CALL;
  endpoint.inflaters.steps.push(...Array.from({ length: count }, () => done(LARGE_PIECE)));
  const frames = Array.from({ length: count }, () => frame(0xc2, hex`00`));
  const left = endpoint.receive(...frames);
  assert.equal(endpoint.protocol.inflating, 'no');
  assert.equal(endpoint.events.length, PIECES_PER_CALL);
  const each = onTheWireTo(role, frames[0]!).length;
  assert.equal(left, PIECES_PER_CALL * each);
  assert.equal(endpoint.receive(...frames.slice(PIECES_PER_CALL)), 0);
  assert.equal(endpoint.events.length, count);
});

inBothRoles('a sink that wants no more ends the call between pieces', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { protocol, inflaters } = endpoint;
  protocol.streaming = true;
  endpoint.onEvent = () => protocol.hold();
  inflaters.steps.push(piece(hex`01`), piece(hex`02`), done(hex`03`));
  const chunk = [frame(0xc2, octetsOf(2)), hex`89 00`];
  const left = endpoint.receive(...chunk);
  assert.equal(left, onTheWireTo(role, hex`89 00`).length);
  assert.equal(protocol.inflating, 'ready');
  assert.deepEqual(inflaters.takeCalls(), ['put 2 final', 'keep']);
  assert.equal(endpoint.receive(hex`89 00`), left);
  assert.equal(protocol.inflating, 'ready');
  // The last piece: nothing is left to be inflated, but the call ends all the same.
  assert.equal(endpoint.receive(hex`89 00`), left);
  assert.equal(protocol.inflating, 'no');
  assert.equal(endpoint.receive(hex`89 00`), 0);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`01`, type: 'binary', final: false },
    { fragment: hex`02`, type: 'binary', final: false },
    { fragment: hex`03`, type: 'binary', final: true },
    { ping: hex`` },
  ]);
});

inBothRoles('a sink that wants no more after a message ends the call there', (role) => {
  const endpoint = new InflatingEndpoint(role);
  endpoint.onEvent = () => endpoint.protocol.hold();
  const left = endpoint.receive(HELLO, HELLO);
  assert.equal(left, onTheWireTo(role, HELLO).length);
  assert.equal(endpoint.protocol.inflating, 'no');
  assert.deepEqual(endpoint.inflaters.takeCalls(), ['put 5 final', 'end']);
});

inBothRoles('§6.2 a message that streams is handed on piece by piece', (role) => {
  const endpoint = new InflatingEndpoint(role);
  endpoint.protocol.streaming = true;
  const { steps } = endpoint.inflaters;
  steps.push(piece(utf8('He')), piece(hex``), WAITING, done(utf8('l')), done(utf8('lo')), done());
  endpoint.receive(hex`41 01 00`);
  endpoint.goOn();
  endpoint.receive(hex`00 01 00`, hex`89 00`, hex`80 01 00`);
  assert.deepEqual(endpoint.events, [
    { fragment: utf8('He'), type: 'text', final: false },
    { fragment: utf8('l'), type: 'text', final: false },
    { fragment: utf8('lo'), type: 'text', final: false },
    { ping: hex`` },
    { fragment: hex``, type: 'text', final: true },
  ]);
});

inBothRoles(
  '§6.2 streaming switched on within a compressed message begins with what is there',
  (role) => {
    const endpoint = new InflatingEndpoint(role);
    endpoint.inflaters.steps.push(piece(utf8('He')), WAITING, done(utf8('llo')));
    endpoint.receive(frame(0xc1, octetsOf(4)));
    endpoint.protocol.streaming = true;
    endpoint.goOn();
    assert.deepEqual(endpoint.events, [
      { fragment: utf8('He'), type: 'text', final: false },
      { fragment: utf8('llo'), type: 'text', final: true },
    ]);
  },
);

inBothRoles('§10.4 a message is too big as soon as what has come out of it is', (role) => {
  for (const before of [[], [WAITING]] as const) {
    const endpoint = new InflatingEndpoint(role, { maxMessageSize: 10 });
    endpoint.inflaters.steps.push(piece(octetsOf(6)), ...before, piece(octetsOf(5)), CORRUPT);
    endpoint.receive(frame(0x42, octetsOf(3)), HELLO);
    if (before.length > 0) endpoint.goOn();
    const { error } = endpoint.protocol;
    endpoint.assertFailed('ERR_WS_MESSAGE_TOO_BIG', 1009);
    assert.deepEqual([Reflect.get(error!, 'limit'), Reflect.get(error!, 'actual')], [10, 11]);
    assert.equal(endpoint.inflaters.takeCalls().at(-1), 'close');
  }
});

inBothRoles('§10.4 so is one that comes out in one piece', (role) => {
  const endpoint = new InflatingEndpoint(role, { maxMessageSize: 10 });
  endpoint.inflaters.steps.push(done(octetsOf(11)));
  endpoint.receive(frame(0xc2, octetsOf(3)));
  endpoint.assertFailed('ERR_WS_MESSAGE_TOO_BIG', 1009);
  assert.deepEqual(endpoint.inflaters.takeCalls(), ['put 3 final', 'close']);
});

inBothRoles('§10.4 a message of just the limit is not too big, nor is the one after it', (role) => {
  const endpoint = new InflatingEndpoint(role, { maxMessageSize: 10 });
  endpoint.inflaters.steps.push(piece(octetsOf(6)), done(octetsOf(4)));
  // Compressed it may be larger than it is.
  endpoint.receive(frame(0xc2, octetsOf(50)), frame(0xc2, octetsOf(10)));
  endpoint.inflaters.steps.push(done(octetsOf(5)), done(octetsOf(5)));
  endpoint.receive(hex`42 01 00`, hex`80 01 00`, frame(0x82, octetsOf(10)));
  const expected = concat(octetsOf(5), octetsOf(5));
  assert.deepEqual(endpoint.events.slice(1), [
    { binary: octetsOf(10) },
    { binary: expected },
    { binary: octetsOf(10) },
  ]);
});

inBothRoles(
  '§10.4 a frame is too big, by its header, that no message within the limit needs',
  (role) => {
    const maxMessageSize = 1000;
    const most = Math.floor(mostCompressedOctets(maxMessageSize));
    for (const before of [[], [frame(0x42, octetsOf(9))]]) {
      const octet0 = before.length === 0 ? 0xc2 : 0x80;
      const within = new InflatingEndpoint(role, { maxMessageSize });
      within.receive(...before, header(octet0, most));
      assert.equal(within.protocol.isOpen, true);
      const beyond = new InflatingEndpoint(role, { maxMessageSize });
      beyond.receive(...before, header(octet0, most + 1));
      beyond.assertFailed('ERR_WS_MESSAGE_TOO_BIG', 1009);
    }
  },
);

inBothRoles('§10.4 a message that is not compressed has no more room than before', (role) => {
  const endpoint = new InflatingEndpoint(role, { maxMessageSize: 10 });
  endpoint.receive(HELLO, header(0x82, 11));
  endpoint.assertFailed('ERR_WS_MESSAGE_TOO_BIG', 1009);
});

inBothRoles('§10.4 maxMessageSize does not bind a compressed message that streams', (role) => {
  const endpoint = new InflatingEndpoint(role, { maxMessageSize: 10 });
  endpoint.protocol.streaming = true;
  endpoint.inflaters.steps.push(piece(octetsOf(100)));
  const large = frame(0xc2, octetsOf(Math.floor(mostCompressedOctets(10)) + 1));
  endpoint.receive(large);
  assert.deepEqual(
    endpoint.events.map((event) => 'fragment' in event && event.fragment.length),
    [100, large.length - header(0, large.length).length],
  );
});

inBothRoles('§10.4 maxSmallFragments binds compressed messages', (role) => {
  const endpoint = new InflatingEndpoint(role, { maxSmallFragments: 2 });
  endpoint.receive(hex`42 00`, hex`00 00`, hex`00 00`);
  endpoint.assertFailed('ERR_WS_TOO_MANY_FRAGMENTS', 1008);
});

inBothRoles('§7.1.2 after our Close nothing is inflated any more', (role) => {
  const endpoint = new InflatingEndpoint(role, { maxMessageSize: 10 });
  endpoint.protocol.sendClose(1000);
  const size = Math.floor(mostCompressedOctets(10)) + 1;
  endpoint.receive(HELLO, frame(0x42, octetsOf(size)), hex`89 00`, hex`00 00`, hex`80 00`, HELLO);
  endpoint.receive(hex`88 02 03 e8`);
  assert.deepEqual(endpoint.events, [{ ping: hex`` }, { close: { code: 1000, reason: '' } }]);
  assert.deepEqual(endpoint.inflaters.made, []);
});

inBothRoles(
  '§7.1.2 our Close ends what is being inflated, and the frames after it count on',
  (role) => {
    for (const last of [true, false]) {
      const endpoint = new InflatingEndpoint(role);
      const { inflaters, protocol } = endpoint;
      inflaters.steps.push(piece(utf8('He')), WAITING);
      const rest = [...(last ? [] : [frame(0x80, utf8('llo'))]), HELLO, hex`88 02 03 e8`];
      endpoint.receive(frame(last ? 0xc1 : 0x41, octetsOf(3)));
      protocol.sendClose(1000);
      assert.deepEqual(inflaters.takeCalls(), [last ? 'put 3 final' : 'put 3', 'keep']);
      assert.equal(endpoint.receive(...rest), 0);
      assert.equal(protocol.inflating, 'no');
      assert.deepEqual(endpoint.events, [{ close: { code: 1000, reason: '' } }]);
      assert.deepEqual(inflaters.takeCalls(), ['close']);
      assert.equal(protocol.error, undefined);
    }
  },
);

inBothRoles('§7.1.2 so does one sent by whoever is handed a piece', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters, protocol } = endpoint;
  protocol.streaming = true;
  endpoint.onEvent = () => protocol.sendClose(1000);
  inflaters.steps.push(piece(hex`01`), piece(hex`02`));
  assert.equal(endpoint.receive(frame(0xc2, octetsOf(3)), hex`88 02 03 e8`), 0);
  assert.deepEqual(endpoint.events, [
    { fragment: hex`01`, type: 'binary', final: false },
    { close: { code: 1000, reason: '' } },
  ]);
  assert.deepEqual(inflaters.takeCalls(), ['put 3 final', 'close']);
});

inBothRoles('§7.1.2 one sent while a message is put together drops the message', (role) => {
  const endpoint = new InflatingEndpoint(role);
  const { inflaters, protocol } = endpoint;
  // From within the inflater: the moment between its last piece and the message.
  inflaters.onStep = () => protocol.sendClose(1000);
  assert.equal(endpoint.receive(HELLO, hex`88 02 03 e8`), 0);
  assert.deepEqual(endpoint.events, [{ close: { code: 1000, reason: '' } }]);
  assert.deepEqual(inflaters.takeCalls(), ['put 5 final', 'end', 'close']);
});

inBothRoles('a failure by whoever is handed a piece, or a message, ends all', (role) => {
  for (const streaming of [true, false]) {
    const endpoint = new InflatingEndpoint(role);
    const { inflaters, protocol } = endpoint;
    protocol.streaming = streaming;
    endpoint.onEvent = () => protocol.fail(new Error('enough'), 1011);
    inflaters.steps.push(...(streaming ? [piece(hex`01`)] : []), done(hex`02`));
    assert.equal(endpoint.receive(frame(0xc2, octetsOf(3)), HELLO), 0);
    const event = streaming
      ? { fragment: hex`01`, type: 'binary', final: false }
      : { binary: hex`02` };
    assert.deepEqual(endpoint.events, [event, { failure: undefined }]);
    const ends = streaming ? [] : ['end'];
    assert.deepEqual(inflaters.takeCalls(), ['put 3 final', ...ends, 'close']);
    assert.equal(protocol.inflating, 'no');
  }
});

inBothRoles('the end of the transport while an inflater waits is told as what it is', (role) => {
  for (const [octet0, position] of [
    [0xc1, /within a message/u],
    [0x41, /within a message/u],
  ] as const) {
    const endpoint = new InflatingEndpoint(role);
    endpoint.inflaters.steps.push(WAITING);
    endpoint.receive(frame(octet0, utf8('Hello')));
    endpoint.protocol.receiveEnd();
    assert.match(endpoint.protocol.error?.message ?? '', position);
    assert.equal(endpoint.protocol.inflating, 'no');
    assert.deepEqual(endpoint.inflaters.takeCalls().at(-1), 'close');
    endpoint.inflaters.made[0]!.waiter.onInflated();
    assert.equal(endpoint.toldToGoOn, 0);
    assert.deepEqual(endpoint.events, []);
  }
});

inBothRoles('a failure while an inflater waits closes it', (role) => {
  const endpoint = new InflatingEndpoint(role);
  endpoint.inflaters.steps.push(WAITING);
  endpoint.receive(HELLO);
  endpoint.protocol.fail(new TimeoutError('ERR_WS_PONG_TIMEOUT', 1), 1011);
  assert.deepEqual(endpoint.inflaters.takeCalls(), ['put 5 final', 'keep', 'close']);
  endpoint.assertFailed('ERR_WS_PONG_TIMEOUT', 1011);
});

inBothRoles('the frame that is being inflated is a sign of life', (role) => {
  const endpoint = new InflatingEndpoint(role);
  endpoint.inflaters.steps.push(WAITING);
  endpoint.receive(HELLO);
  assert.equal(endpoint.protocol.framesReceived, 1);
});

inBothRoles(
  'whatever the inflater does, and however octets come, the events are the same',
  (role) => {
    const message = fc.record({
      payload: fc.uint8Array({ maxLength: 40 }),
      compressed: fc.boolean(),
      cuts: fc.array(fc.nat(), { maxLength: 3 }),
      ping: fc.boolean(),
    });
    const run = fc.record({
      messages: fc.array(message, { maxLength: 6 }),
      cuts: fc.array(fc.nat(), { maxLength: 8 }),
      waits: fc.array(fc.nat({ max: 2 }), { maxLength: 20 }),
      keepsContext: fc.boolean(),
    });
    fc.assert(
      fc.property(run, ({ messages, cuts, waits, keepsContext }) => {
        const frames: Uint8Array[] = [];
        const events: Event[] = [];
        for (const { payload, compressed, cuts, ping } of messages) {
          const parts = slicesOf(payload, cuts);
          for (const [index, part] of parts.entries()) {
            const begins = index > 0 ? 0 : compressed ? 0x42 : 0x02;
            frames.push(frame(begins | (index === parts.length - 1 ? 0x80 : 0), part));
            if (!ping || index === parts.length - 1) continue;
            frames.push(hex`89 01 07`);
            events.push({ ping: hex`07` });
          }
          events.push({ binary: payload });
        }
        const endpoint = new InflatingEndpoint(role);
        const { inflaters, protocol } = endpoint;
        inflaters.keepsContext = keepsContext;
        const waiting = [...waits];
        // In front of the step that gives the octets there may be others.
        inflaters.onStep = () => {
          if (inflaters.steps.length > 0) return;
          const wait = waiting.shift() ?? 0;
          if (wait === 1) inflaters.steps.push(WAITING);
          else if (wait === 2) inflaters.steps.push(piece(hex``));
        };
        for (const chunk of slicesOf(onTheWireTo(role, ...frames), cuts)) {
          const lent = chunk.slice();
          let read = protocol.receive(lent);
          lent.fill(0xaa, 0, read);
          while (protocol.inflating !== 'no') {
            inflaters.made.at(-1)!.waiter.onInflated();
            read += protocol.receive(lent.subarray(read));
            lent.fill(0xaa, 0, read);
          }
          assert.equal(read, lent.length);
        }
        assert.deepEqual(endpoint.events, events);
      }),
    );
  },
);

inBothRoles('RFC 7692 §6: RSV1 is for the first frame of a message only', (role) => {
  for (const [octet0, code] of [
    [0xc0, 'ERR_WS_COMPRESSED_CONTINUATION'],
    [0x40, 'ERR_WS_COMPRESSED_CONTINUATION'],
    [0xc8, 'ERR_WS_COMPRESSED_CONTROL'],
    [0xc9, 'ERR_WS_COMPRESSED_CONTROL'],
    [0xca, 'ERR_WS_COMPRESSED_CONTROL'],
    [0xe0, 'ERR_WS_RESERVED_BITS'],
    [0xa0, 'ERR_WS_RESERVED_BITS'],
    [0xd9, 'ERR_WS_RESERVED_BITS'],
    [0xc3, 'ERR_WS_RESERVED_OPCODE'],
  ] as const) {
    const endpoint = new InflatingEndpoint(role);
    endpoint.receive(hex`41 00`, Uint8Array.of(octet0));
    endpoint.assertFailed(code, 1002);
  }
});

inBothRoles('without inflaters a compressed message fails the connection', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(HELLO);
  assertFailed(endpoint, 'ERR_WS_RESERVED_BITS', 1002);
  assert.equal(endpoint.protocol.inflating, 'no');
});

for (const role of ROLES) {
  test(`RFC 7692 §6: what a ${role} sends compressed has RSV1 with its first frame`, () => {
    const endpoint = new Endpoint(role);
    const { protocol } = endpoint;
    protocol.sendOctets('text', hex`01`, true);
    protocol.sendOctets('text', hex`02`, false);
    protocol.sendFragment('binary', hex`03`, false, true);
    protocol.sendPing(hex`04`);
    protocol.sendFragment('binary', hex`05`, true, true);
    protocol.sendFragment('binary', hex`06`, false);
    // Only the first fragment has a say.
    protocol.sendFragment('binary', hex`07`, true, true);
    protocol.sendPrepared(new PreparedMessage('text', hex`08`, { compressed: true }));
    protocol.sendPrepared(new PreparedMessage('text', hex`09`));
    assert.deepEqual(
      endpoint.sent().map(({ fin, rsv, opcode, payload }) => [fin, rsv, opcode, payload[0]]),
      [
        [true, 0b100, 1, 1],
        [true, 0, 1, 2],
        [false, 0b100, 2, 3],
        [true, 0, 9, 4],
        [true, 0, 0, 5],
        [false, 0, 2, 6],
        [true, 0, 0, 7],
        [true, 0b100, 1, 8],
        [true, 0, 1, 9],
      ],
    );
  });
}

type MaybePromised = PreparedMessage | Promise<PreparedMessage>;

/** What prepared messages have, and the declared types have not. */
interface Varied {
  variant(key: object, make: () => MaybePromised): MaybePromised;
}

test('a variant of a prepared message is made once for all who share the key', async () => {
  const message = new PreparedMessage('text', utf8('Hello'), { compress: true });
  assert.deepEqual([message.compress, message.compressed], [true, false]);
  const varied = message as unknown as Varied;
  const variant = new PreparedMessage('text', hex`f2 48 cd c9 c9 07 00`, { compressed: true });
  const [one, other] = [{}, {}];
  let made = 0;
  const make = (): PreparedMessage => {
    made++;
    return variant;
  };
  assert.equal(varied.variant(one, make), variant);
  assert.equal(varied.variant(one, make), variant);
  assert.equal(made, 1);
  const promised = varied.variant(other, () => Promise.resolve(variant));
  assert.equal(varied.variant(other, make), promised);
  assert.equal(await promised, variant);
  assert.equal(made, 1);
});

inBothRoles('what compressed messages have come to is counted, and nothing else', (role) => {
  const endpoint = new InflatingEndpoint(role);
  endpoint.inflaters.steps.push(piece(octetsOf(300)), done(octetsOf(40)));
  endpoint.receive(frame(0xc2, hex`01`), frame(0x82, octetsOf(90)));
  assert.equal(endpoint.protocol.octetsInflated, 340);
  endpoint.inflaters.steps.push(done(octetsOf(5)));
  endpoint.receive(frame(0xc2, hex`01`));
  assert.equal(endpoint.protocol.octetsInflated, 345);
});
