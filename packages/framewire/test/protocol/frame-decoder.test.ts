import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameDecoder, type FrameSink } from '#src/protocol/frame-decoder.js';
import { applyMask } from '#src/protocol/masking.js';
import type { ProtocolErrorCode } from '#src/errors.js';
import type { MessageType, Role } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { inBothRoles, onTheWireTo, ROLES } from './endpoint.ts';
import { concat, frame, masked, octetsOf, singleOctets, slicesOf } from './frames.ts';

type Call =
  | { readonly begins: number; readonly length: number }
  | { readonly payload: Uint8Array; readonly complete: boolean }
  | { readonly whole: MessageType; readonly payload: Uint8Array }
  | { readonly violation: ProtocolErrorCode; readonly detail: string };

/** A decoder, what it told, and what its sink answers. */
class Probe implements FrameSink {
  readonly calls: Call[] = [];
  readonly decoder: FrameDecoder;
  order: ProtocolErrorCode | undefined;
  longest = Infinity;
  /** Takes messages that arrive in one piece as such; else they go the way of all frames. */
  isFast = false;
  stopsAt: 'begin' | 'payload' | undefined;

  constructor(receiver: Role) {
    this.decoder = new FrameDecoder(receiver, this, false, applyMask);
  }

  decode(...chunks: readonly Uint8Array[]): readonly Call[] {
    for (const chunk of chunks) this.decoder.decode(chunk.slice());
    return this.calls;
  }

  checkOrder(): ProtocolErrorCode | undefined {
    return this.order;
  }

  acceptsLength(_opcode: number, payloadLength: number): boolean {
    if (payloadLength <= this.longest) return true;
    this.decoder.stop();
    return false;
  }

  frameBegins(opcode: number, payloadLength: number): void {
    this.calls.push({ begins: opcode, length: payloadLength });
    if (this.stopsAt === 'begin') this.decoder.stop();
  }

  framePayload(octets: Uint8Array, start: number, end: number, complete: boolean): void {
    this.calls.push({ payload: octets.slice(start, end), complete });
    if (this.stopsAt === 'payload') this.decoder.stop();
  }

  takesWhole(length: number): boolean {
    return this.isFast && length <= this.longest;
  }

  wholeMessage(type: MessageType, octets: Uint8Array, start: number, end: number): void {
    this.calls.push({ whole: type, payload: octets.slice(start, end) });
    if (this.stopsAt === 'payload') this.decoder.stop();
  }

  violation(code: ProtocolErrorCode, detail: string): void {
    this.calls.push({ violation: code, detail });
    this.decoder.stop();
  }
}

/** Frames as `[opcode, payload]`, however their payload was sliced. */
function framesOf(calls: readonly Call[]): unknown[] {
  const frames: unknown[] = [];
  let slices: Uint8Array[] = [];
  let opcode = -1;
  for (const call of calls) {
    if ('begins' in call) opcode = call.begins;
    else if ('whole' in call) frames.push([call.whole === 'text' ? 1 : 2, call.payload]);
    else if ('violation' in call) frames.push(call.violation);
    else {
      slices.push(call.payload);
      if (!call.complete) continue;
      frames.push([opcode, concat(...slices)]);
      slices = [];
    }
  }
  return frames;
}

inBothRoles('§5.2 a frame in one chunk is one slice', (role) => {
  const probe = new Probe(role);
  assert.deepEqual(probe.decode(onTheWireTo(role, hex`82 03 01 02 03`)), [
    { begins: 0x2, length: 3 },
    { payload: hex`01 02 03`, complete: true },
  ]);
});

inBothRoles('§5.2 a frame without payload is complete with its header', (role) => {
  const probe = new Probe(role);
  assert.deepEqual(probe.decode(onTheWireTo(role, hex`89 00`)), [
    { begins: 0x9, length: 0 },
    { payload: hex``, complete: true },
  ]);
});

inBothRoles('§5.2 payload is handed on as it arrives', (role) => {
  const probe = new Probe(role);
  const octets = onTheWireTo(role, hex`82 04 01 02 03 04`);
  const cut = octets.length - 1;
  probe.decode(octets.subarray(0, cut));
  assert.equal(probe.decoder.remaining, 1);
  assert.deepEqual(probe.decode(octets.subarray(cut)), [
    { begins: 0x2, length: 4 },
    { payload: hex`01 02 03`, complete: false },
    { payload: hex`04`, complete: true },
  ]);
});

inBothRoles('§5.2 FIN and the opcode of the frame can be asked for', (role) => {
  const probe = new Probe(role);
  probe.decode(onTheWireTo(role, hex`01 01 41`));
  assert.equal(probe.decoder.final, false);
  assert.equal(probe.decoder.opcode, 0x1);
  probe.decode(onTheWireTo(role, hex`80 01 41`));
  assert.equal(probe.decoder.final, true);
  assert.equal(probe.decoder.opcode, 0x0);
});

inBothRoles('§5.2 frames do not depend on how they are sliced', (role) => {
  const frames = fc.array(
    fc.record({ octet0: fc.constantFrom(0x81, 0x02, 0x80, 0x89, 0x8a), size: fc.nat(125) }),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(frames, fc.array(fc.nat(), { maxLength: 10 }), (frames, cuts) => {
      const octets = onTheWireTo(role, ...frames.map((f) => frame(f.octet0, octetsOf(f.size))));
      const calls = new Probe(role).decode(...slicesOf(octets, cuts));
      const expected = frames.map((f) => [f.octet0 & 0xf, octetsOf(f.size)]);
      assert.deepEqual(framesOf(calls), expected);
      assert.deepEqual(framesOf(new Probe(role).decode(...singleOctets(octets))), expected);
      const fast = new Probe(role);
      fast.isFast = true;
      assert.deepEqual(framesOf(fast.decode(...slicesOf(octets, cuts))), expected);
    }),
    { numRuns: 100 },
  );
});

for (const length of [0, 1, 125, 126, 127, 65_535, 65_536]) {
  inBothRoles(`§5.2 a frame of ${length} octets, its header cut at each place`, (role) => {
    const octets = onTheWireTo(role, frame(0x82, octetsOf(length)));
    for (let cut = 0; cut <= Math.min(14, octets.length); cut++) {
      const calls = new Probe(role).decode(octets.subarray(0, cut), octets.subarray(cut));
      assert.deepEqual(framesOf(calls), [[0x2, octetsOf(length)]], `cut at ${cut}`);
    }
  });
}

for (const length of [0, 1, 125, 126, 65_535]) {
  inBothRoles(
    `a message of ${length} octets in one piece is told as one, by its text or not`,
    (role) => {
      for (const [octet0, whole] of [
        [0x81, 'text'],
        [0x82, 'binary'],
      ] as const) {
        const octets = onTheWireTo(role, frame(octet0, octetsOf(length)));
        const probe = new Probe(role);
        probe.isFast = true;
        // Also where another follows.
        const expected = { whole, payload: octetsOf(length) };
        assert.deepEqual(probe.decode(concat(octets, octets), octets), [
          expected,
          expected,
          expected,
        ]);
      }
    },
  );
}

inBothRoles('what is no good message in one piece goes the way of all frames', (role) => {
  const wrong = [
    hex`82 fe 00 05 00 00 00 00 01 02 03 04 05`,
    hex`82 7e 00 05 01 02 03 04 05`,
    frame(0xc2, octetsOf(3)),
    frame(0x83, octetsOf(3)),
    frame(0x02, octetsOf(3)),
    frame(0x82, octetsOf(65_536)),
    onTheWireTo(role === 'client' ? 'server' : 'client', frame(0x82, octetsOf(3))),
  ];
  for (const octets of wrong) {
    const fast = new Probe(role);
    fast.isFast = true;
    assert.deepEqual(fast.decode(octets), new Probe(role).decode(octets));
  }
  const long = new Probe(role);
  long.isFast = true;
  long.longest = 3;
  assert.deepEqual(long.decode(onTheWireTo(role, frame(0x82, octetsOf(4)))), []);
});

test('§5.3 a server unmasks in place: the slice is the chunk itself', () => {
  const chunk = masked(hex`82 03 01 02 03`);
  const probe = new Probe('server');
  probe.decoder.decode(chunk);
  assert.deepEqual(chunk.subarray(6), hex`01 02 03`);
});

test('§5.3 each frame has a key of its own', () => {
  const probe = new Probe('server');
  const frames = [
    masked(frame(0x82, octetsOf(5)), hex`01 02 03 04`),
    masked(frame(0x82, octetsOf(7)), hex`f0 e0 d0 c0`),
  ];
  assert.deepEqual(framesOf(probe.decode(concat(...frames))), [
    [0x2, octetsOf(5)],
    [0x2, octetsOf(7)],
  ]);
});

test('§5.2 a client leaves the chunk as it is', () => {
  const chunk = hex`82 03 01 02 03`;
  new Probe('client').decoder.decode(chunk);
  assert.deepEqual(chunk, hex`82 03 01 02 03`);
});

inBothRoles('§5.2 it is known whether a frame is incomplete', (role) => {
  const probe = new Probe(role);
  const octets = onTheWireTo(role, hex`82 02 01 02`);
  assert.equal(probe.decoder.isWithinFrame, false);
  for (const [index, octet] of singleOctets(octets).entries()) {
    probe.decode(octet);
    assert.equal(probe.decoder.isWithinFrame, index < octets.length - 1);
  }
});

inBothRoles('§5.4 the order is judged by the first octet', (role) => {
  const probe = new Probe(role);
  probe.order = 'ERR_WS_UNEXPECTED_CONTINUATION';
  assert.deepEqual(probe.decode(hex`80`), [
    { violation: 'ERR_WS_UNEXPECTED_CONTINUATION', detail: 'first octet 0x80' },
  ]);
});

inBothRoles('§10.4 a length is judged before the key and the payload', (role) => {
  const probe = new Probe(role);
  probe.longest = 100;
  assert.deepEqual(probe.decode(onTheWireTo(role, hex`82 7e 03 e8`).subarray(0, 4)), []);
  assert.deepEqual(probe.decode(new Uint8Array(2000)), []);
});

inBothRoles('§7.1.7 a violation tells the octet, and ends the reading', (role) => {
  const probe = new Probe(role);
  assert.deepEqual(probe.decode(hex`f1`, hex`81 00`), [
    { violation: 'ERR_WS_RESERVED_BITS', detail: 'first octet 0xf1' },
  ]);
});

test('§7.1.7 a mask that is wrong is told by the second octet', () => {
  assert.deepEqual(new Probe('server').decode(hex`81 05`), [
    { violation: 'ERR_WS_MASK_REQUIRED', detail: 'second octet 0x05' },
  ]);
  assert.deepEqual(new Probe('client').decode(hex`81 80`), [
    { violation: 'ERR_WS_MASK_FORBIDDEN', detail: 'second octet 0x80' },
  ]);
});

inBothRoles('§7.1.7 a length that is not minimal is told as it was announced', (role) => {
  assert.deepEqual(new Probe(role).decode(onTheWireTo(role, hex`82 7e 00 07`)), [
    { violation: 'ERR_WS_LENGTH_NOT_MINIMAL', detail: '7' },
  ]);
});

inBothRoles('§7.1.7 whoever stops at the header gets no payload', (role) => {
  for (const octets of [hex`82 00`, hex`82 02 01 02`]) {
    const probe = new Probe(role);
    probe.stopsAt = 'begin';
    probe.decode(onTheWireTo(role, octets, octets));
    assert.deepEqual(probe.calls, [{ begins: 0x2, length: octets.length - 2 }]);
  }
});

inBothRoles('§7.1.7 whoever stops at a header that was cut gets no payload either', (role) => {
  const probe = new Probe(role);
  probe.stopsAt = 'begin';
  probe.decode(...singleOctets(onTheWireTo(role, hex`82 00`, hex`82 00`)));
  assert.deepEqual(probe.calls, [{ begins: 0x2, length: 0 }]);
});

inBothRoles('§7.1.7 whoever stops within a payload gets no more of it', (role) => {
  const probe = new Probe(role);
  probe.stopsAt = 'payload';
  const octets = onTheWireTo(role, hex`82 02 01 02`, hex`82 00`);
  probe.decode(...slicesOf(octets, [octets.length - (role === 'server' ? 7 : 3)]));
  assert.deepEqual(probe.calls, [
    { begins: 0x2, length: 2 },
    { payload: hex`01`, complete: false },
  ]);
});

test('§5.2 an empty chunk is nothing', () => {
  for (const role of ROLES) assert.deepEqual(new Probe(role).decode(hex``), []);
});
