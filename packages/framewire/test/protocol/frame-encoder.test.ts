import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameEncoder, type WriteText } from '#src/protocol/frame-encoder.js';
import { MAX_COPIED } from '#src/protocol/output.js';
import { MaskingKeys, OutputBuffer } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { anyText } from './conversations.ts';
import { concat, frame, KEY, masked, octetsOf, utf8 } from './frames.ts';

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 200_000];

/** Encodes as a server, and as a client with the key of §5.7 for every frame. */
function encoded(role: 'client' | 'server', use: (encoder: FrameEncoder) => void): Uint8Array {
  const output = new OutputBuffer();
  use(new FrameEncoder(output, role === 'client' ? keyOfTheRfc() : undefined));
  return concat(...output.take());
}

function keyOfTheRfc(): MaskingKeys {
  return new MaskingKeys((pool) => {
    for (let at = 0; at < pool.length; at += 4) pool.set(KEY, at);
  });
}

/** Text the way Node.js writes it fast. */
const writeText: WriteText = (text, target, at) =>
  Buffer.from(target.buffer, target.byteOffset, target.length).write(text, at);

for (const size of SIZES) {
  test(`§5.2 a server encodes ${size} octets without a mask`, () => {
    const octets = encoded('server', (encoder) => encoder.encode(0x2, true, octetsOf(size)));
    assert.deepEqual(octets, frame(0x82, octetsOf(size)));
  });

  test(`§5.3 a client encodes ${size} octets masked`, () => {
    const octets = encoded('client', (encoder) => encoder.encode(0x2, true, octetsOf(size)));
    assert.deepEqual(octets, masked(frame(0x82, octetsOf(size))));
  });
}

test('§5.4 a fragment is encoded without FIN', () => {
  const octets = encoded('server', (encoder) => encoder.encode(0x1, false, hex`48 65 6c`));
  assert.deepEqual(octets, hex`01 03 48 65 6c`);
});

test('§5.3 a client leaves the payload of the caller as it was', () => {
  for (const size of SIZES) {
    const payload = octetsOf(size);
    encoded('client', (encoder) => encoder.encode(0x2, true, payload));
    assert.deepEqual(payload, octetsOf(size));
  }
});

test('§10.3 each frame of a client has the next key', () => {
  const output = new OutputBuffer();
  let next = 0;
  const keys = new MaskingKeys((pool) => {
    for (let at = 0; at < pool.length; at++) pool[at] = ++next;
  }, 8);
  const encoder = new FrameEncoder(output, keys);
  encoder.encode(0x2, true, hex`00 00 00 00`);
  encoder.encodeText('');
  encoder.encode(0x9, true, hex`00`);
  assert.deepEqual(
    concat(...output.take()),
    hex`82 84  01 02 03 04  01 02 03 04    81 80  05 06 07 08    89 81  09 0a 0b 0c  09`,
  );
});

test('§5.2 a server copies a payload up to 64 KiB: the caller may change it at once', () => {
  const payload = octetsOf(MAX_COPIED);
  const octets = encoded('server', (encoder) => {
    encoder.encode(0x2, true, payload);
    payload.fill(0);
  });
  assert.deepEqual(octets, frame(0x82, octetsOf(MAX_COPIED)));
});

test('§5.2 a server hands a larger payload on without copying it', () => {
  const output = new OutputBuffer();
  const payload = octetsOf(MAX_COPIED + 1);
  new FrameEncoder(output, undefined).encode(0x2, true, payload);
  assert.equal(output.take()[1], payload);
});

test('§5.6 a frame that was encoded before is sent as it is, copied when small', () => {
  for (const size of [0, 10, MAX_COPIED - 10, MAX_COPIED]) {
    const before = frame(0x82, octetsOf(size));
    assert.deepEqual(
      encoded('server', (encoder) => encoder.append(before)),
      before,
    );
  }
  const output = new OutputBuffer();
  const encoder = new FrameEncoder(output, undefined);
  const small = new Uint8Array(MAX_COPIED);
  const large = new Uint8Array(MAX_COPIED + 1);
  encoder.append(small);
  encoder.append(large);
  const [first, second] = output.take();
  assert.notEqual(first?.buffer, small.buffer);
  assert.equal(second, large);
});

for (const role of ['client', 'server'] as const) {
  const frameOf = (text: string): Uint8Array => {
    const plain = frame(0x81, utf8(text));
    return role === 'client' ? masked(plain) : plain;
  };

  test(`§5.6 a ${role} encodes any text as TextEncoder does, lone surrogates included`, () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 4 }), (texts) => {
        const octets = encoded(role, (encoder) => {
          for (const text of texts) encoder.encodeText(text);
        });
        assert.deepEqual(octets, concat(...texts.map(frameOf)));
      }),
      { numRuns: 300 },
    );
  });

  // Octets cross the bounds of the header while units, of two or three octets each, are below them.
  for (const [unit, counts] of [
    ['x', [124, 125, 126, 127, 21_845, 21_846, 65_535, 65_536]],
    ['é', [62, 63, 64, 125, 126, 10_922, 10_923, 32_767, 32_768, 65_536]],
    ['€', [41, 42, 43, 125, 126, 21_845, 21_846]],
    ['🙂', [31, 32, 62, 63, 10_922, 10_923, 16_383, 16_384]],
    ['\uD800', [41, 42, 125, 126, 21_845, 21_846]],
  ] as const) {
    test(`§5.2 a ${role} encodes many ${JSON.stringify(unit)}, around the lengths of headers`, () => {
      for (const count of counts) {
        for (const before of ['', 'x', 'xy']) {
          const text = before + unit.repeat(count);
          const octets = encoded(role, (encoder) => encoder.encodeText(text));
          assert.deepEqual(octets, frameOf(text), `${before.length} + ${count}`);
        }
      }
    });
  }

  test(`§5.6 a ${role} may be given another encoder of UTF-8`, () => {
    for (const text of [
      '',
      'Hello',
      'é'.repeat(63),
      '€'.repeat(125),
      '\uD800',
      'x'.repeat(70_000),
    ]) {
      const output = new OutputBuffer();
      const keys = role === 'client' ? keyOfTheRfc() : undefined;
      new FrameEncoder(output, keys, { writeText }).encodeText(text);
      assert.deepEqual(concat(...output.take()), frameOf(text));
    }
  });
}

test('§5.6 text that follows text in the output leaves the first as it was', () => {
  const texts = ['é'.repeat(100), 'x', '€'.repeat(60), '', 'x'.repeat(126)];
  const octets = encoded('server', (encoder) => {
    for (const text of texts) encoder.encodeText(text);
  });
  assert.deepEqual(octets, concat(...texts.map((text) => frame(0x81, utf8(text)))));
});
