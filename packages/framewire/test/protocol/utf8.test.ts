import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { Utf8Validator } from '#src/protocol/utf8.js';
import { hex } from 'framewire/testing';
import { anyText, validText } from './conversations.ts';
import { concat, slicesOf, utf8 } from './frames.ts';

/** The judges: by octets alone, and with a native check for what is long. */
const VALIDATORS: readonly (readonly [string, () => Utf8Validator])[] = [
  ['', () => new Utf8Validator()],
  [', with a native check', () => new Utf8Validator(isUtf8)],
];

/** What can make a code point whole that is well begun: RFC 3629 §4. */
const ENDINGS = [
  [],
  ...[0x80, 0x90, 0xa0].flatMap((next) => [[next], [next, 0x80], [next, 0x80, 0x80]]),
].map((ending) => Uint8Array.from(ending));

const FATAL = new TextDecoder('utf-8', { fatal: true });
const LENIENT = new TextDecoder('utf-8', { ignoreBOM: true });

function isComplete(octets: Uint8Array): boolean {
  try {
    FATAL.decode(octets);
    return true;
  } catch {
    return false;
  }
}

/** Some text begins with these octets: with one of the endings they are the same text again. */
function canBegin(octets: Uint8Array): boolean {
  return ENDINGS.some((ending) => {
    const whole = concat(octets, ending);
    return Buffer.compare(utf8(LENIENT.decode(whole)), whole) === 0;
  });
}

/** Where the first octet is that no text can have there; the length when there is none. */
function firstBad(octets: Uint8Array): number {
  let good = 0;
  let bad = octets.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (canBegin(octets.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

/** How many slices are accepted, and whether the last ends between code points. */
function judged(validator: Utf8Validator, slices: readonly Uint8Array[]): [number, boolean] {
  for (const [index, slice] of slices.entries()) {
    if (!validator.accept(slice, 0, slice.length)) return [index, false];
  }
  return [slices.length, validator.isComplete];
}

/** Text that was damaged here and there, so that most of it is valid. */
const damaged: fc.Arbitrary<Uint8Array> = fc
  .record({
    text: validText(60),
    cuts: fc.tuple(fc.nat(), fc.nat()),
    flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 2 }),
  })
  .map(({ text, cuts, flips }) => {
    const [, middle = new Uint8Array(0)] = slicesOf(utf8(text), cuts);
    const octets = middle.slice();
    for (const [at, value] of flips) if (octets.length > 0) octets[at % octets.length] = value;
    return octets;
  });

const octetArrays = fc.oneof(fc.uint8Array({ maxLength: 8 }), damaged, anyText.map(utf8));

for (const [how, make] of VALIDATORS) {
  test(`§8.1 octets are valid when TextDecoder says so, in any slicing${how}`, () => {
    fc.assert(
      fc.property(octetArrays, fc.array(fc.nat(), { maxLength: 6 }), (octets, cuts) => {
        const slices = slicesOf(octets, cuts);
        const [accepted, complete] = judged(make(), slices);
        assert.equal(accepted === slices.length && complete, isComplete(octets));
      }),
      { numRuns: 1_000 },
    );
  });

  test(`§8.1 the first bad octet is the one that is refused${how}`, () => {
    fc.assert(
      fc.property(octetArrays, fc.array(fc.nat(), { maxLength: 3 }), (octets, cuts) => {
        const bad = firstBad(octets);
        const validator = make();
        const before = slicesOf(octets.subarray(0, bad), cuts);
        assert.equal(judged(validator, before)[0], before.length, 'all before it is accepted');
        if (bad < octets.length) assert.equal(validator.accept(octets, bad, bad + 1), false);
      }),
      { numRuns: 500 },
    );
  });

  test(`§8.1 a bad octet anywhere in a long text is found${how}`, () => {
    for (let at = 0; at < 200; at++) {
      const octets = new Uint8Array(200).fill(0x61);
      octets[at] = 0xff;
      assert.equal(make().accept(octets, 0, octets.length), false, `at ${at}`);
      assert.equal(make().accept(octets, 0, at), true);
    }
  });

  test(`§8.1 a long text may end anywhere within a code point${how}`, () => {
    for (const point of ['é', '€', '🙂']) {
      const octets = utf8('x'.repeat(100) + point);
      for (let end = 100; end <= octets.length; end++) {
        const validator = make();
        assert.equal(validator.accept(octets, 0, end), true);
        assert.equal(validator.isComplete, end === 100 || end === octets.length);
        assert.equal(validator.accept(octets, end, octets.length), true);
        assert.equal(validator.isComplete, true);
      }
    }
  });

  test(`§8.1 a code point begun before a long text must be continued by it${how}`, () => {
    const text = new Uint8Array(100).fill(0x61);
    const validator = make();
    assert.equal(validator.accept(hex`e2 82`, 0, 2), true);
    assert.equal(validator.accept(text, 0, text.length), false);
  });

  test(`§8.1 only the range is judged${how}`, () => {
    const octets = concat(hex`ff`, utf8('é'.repeat(50)), hex`ff`);
    assert.equal(make().accept(octets, 1, octets.length - 1), true);
    assert.equal(make().accept(octets, 0, octets.length - 1), false);
    assert.equal(make().accept(octets, 1, octets.length), false);
  });
}

test('§8.1 every beginning of up to four octets, of the octets that RFC 3629 tells apart', () => {
  const octets = [
    0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
    0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
  ];
  let count = 0;
  const walk = (prefix: readonly number[]): void => {
    for (const octet of octets) {
      const sequence = Uint8Array.of(...prefix, octet);
      const validator = new Utf8Validator();
      const accepted = validator.accept(sequence, 0, sequence.length);
      assert.equal(accepted, canBegin(sequence), `[${sequence.join()}]`);
      assert.equal(accepted && validator.isComplete, isComplete(sequence), `[${sequence.join()}]`);
      count++;
      const begins = sequence.length === 1 || !validator.isComplete;
      if (accepted && begins && prefix.length < 3) walk([...prefix, octet]);
    }
  };
  walk([]);
  assert.ok(count > 2_000, `${count} sequences`);
});

test('§8.1 all code points of one to four octets are accepted, surrogates are not', () => {
  const validator = new Utf8Validator();
  for (let point = 0; point <= 0x10ffff; point += point < 0x3000 ? 1 : 0xfb) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const octets = utf8(String.fromCodePoint(point));
    assert.ok(validator.accept(octets, 0, octets.length), `U+${point.toString(16)}`);
    assert.ok(validator.isComplete);
  }
  for (let point = 0xd800; point <= 0xdfff; point++) {
    const octets = Uint8Array.of(0xed, 0x80 | ((point >>> 6) & 0x3f), 0x80 | (point & 0x3f));
    assert.equal(new Utf8Validator().accept(octets, 0, 2), false, `U+${point.toString(16)}`);
  }
});

test('§8.1 the native check is not asked about short octets, nor within a code point', () => {
  let asked = 0;
  const validator = new Utf8Validator((octets) => {
    asked++;
    return isUtf8(octets);
  });
  const long = utf8('x'.repeat(64));
  validator.accept(long, 0, 63);
  assert.equal(asked, 0);
  validator.accept(long, 0, 64);
  assert.equal(asked, 1);
  validator.accept(hex`c3`, 0, 1);
  const continued = concat(hex`a9`, long);
  assert.ok(validator.accept(continued, 0, continued.length));
  assert.equal(asked, 1);
});

test('§8.1 the native check is asked about whole code points only', () => {
  const asked: Uint8Array[] = [];
  const validator = new Utf8Validator((octets) => {
    asked.push(octets.slice());
    return isUtf8(octets);
  });
  for (const [tail, cut] of [
    [hex`61 62 63`, 0],
    [hex`61 62 c3`, 1],
    [hex`61 e2 82`, 2],
    [hex`f0 9f 99`, 3],
    [hex`61 c3 a9`, 2],
    [hex`f0 9f 99 82`, 0],
  ] as const) {
    const octets = concat(utf8('x'.repeat(64)), tail);
    new Utf8Validator((range) => {
      asked.push(range.slice());
      return isUtf8(range);
    }).accept(octets, 0, octets.length);
    assert.equal(asked.pop()?.length, octets.length - cut);
  }
  assert.ok(validator.isComplete);
});
