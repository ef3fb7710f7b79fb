/**
 * RFC 7692 §7.2 — the two ways of using zlib, side by side: whatever one of them makes or accepts, the
 * other must too.
 */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createDeflateRaw, deflateRawSync, type DeflateRaw } from 'node:zlib';
import {
  EMPTY_BLOCK_LENGTHS,
  pieceSize,
  type Deflater,
  type DeflaterParameters,
} from '#src/extensions/codec.js';
import { HandleDeflater, HandleInflater } from '#src/extensions/handle-codec.js';
import { StreamDeflater, StreamInflater } from '#src/extensions/stream-codec.js';
import type { Inflater, InflateWaiter } from '#src/protocol/inflater.js';
import { hex } from 'framewire/testing';
import {
  concat,
  octetsOf,
  randomOctets,
  singleOctets,
  slicesOf,
  utf8,
} from '../protocol/frames.ts';

interface Codec {
  readonly name: string;
  createDeflater(parameters: DeflaterParameters): Deflater;
  createInflater(windowBits: number, takesContextOver: boolean, waiter: InflateWaiter): Inflater;
}

const HANDLES: Codec = {
  name: 'handle',
  createDeflater: (parameters) => new HandleDeflater(parameters),
  createInflater: (windowBits, takesContextOver) =>
    new HandleInflater(windowBits, takesContextOver ? undefined : { give: () => false }),
};

const STREAMS: Codec = {
  name: 'stream',
  createDeflater: (parameters) => new StreamDeflater(parameters),
  createInflater: (windowBits, takesContextOver, waiter) =>
    new StreamInflater(windowBits, takesContextOver, waiter),
};

const CODECS: readonly Codec[] = [HANDLES, STREAMS];
const CONTEXTS: readonly boolean[] = [false, true];
const DEFAULTS: DeflaterParameters = { windowBits: 15, level: 1, memoryLevel: 8 };

/** Octets that are not lent any more are overwritten with this: whoever kept a view shows it. */
const POISON = 0xaa;

type Outcome = Uint8Array | 'corrupt';

/** The receiving side of one connection, as the machine treats an inflater. */
class Receiving {
  readonly #codec: Codec;
  readonly #windowBits: number;
  readonly #takesContextOver: boolean;
  #inflater: Inflater | undefined;
  #wake: (() => void) | undefined;
  /** Octets of each piece of the last message. */
  pieces: number[] = [];

  constructor(codec: Codec, takesContextOver: boolean, windowBits: number = 15) {
    this.#codec = codec;
    this.#takesContextOver = takesContextOver;
    this.#windowBits = windowBits;
  }

  get inflater(): Inflater {
    this.#inflater ??= this.#codec.createInflater(this.#windowBits, this.#takesContextOver, {
      onInflated: () => this.#wake?.(),
    });
    return this.#inflater;
  }

  /** Inflates one message, which arrives in these parts. */
  async inflate(...parts: readonly Uint8Array[]): Promise<Outcome> {
    const inflated: Uint8Array[] = [];
    this.pieces = [];
    for (const [index, part] of parts.entries()) {
      const ok = await this.#inflatePart(part, index === parts.length - 1, inflated);
      if (!ok) return 'corrupt';
    }
    const isKept = this.inflater.endMessage();
    assert.equal(isKept, this.#takesContextOver);
    if (!isKept) this.#inflater = undefined;
    return concat(...inflated);
  }

  async #inflatePart(part: Uint8Array, final: boolean, inflated: Uint8Array[]): Promise<boolean> {
    const { inflater } = this;
    // Somewhere within a chunk, as a payload behind a header is.
    const lent = concat(hex`ee ee`, part, hex`ee`);
    inflater.put(lent, 2, 2 + part.length, final);
    for (;;) {
      const step = inflater.inflate();
      if (step === 'corrupt') {
        this.close();
        return false;
      }
      if (step === 'waiting') {
        inflater.keep();
        lent.fill(POISON);
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const { octets, length } = inflater;
      assert.ok(length <= Math.max(pieceSize(this.#windowBits), 32 * 1024), `${length} at once`);
      inflated.push(copyOf(octets, length));
      this.pieces.push(length);
      if (step === 'done') {
        lent.fill(POISON);
        return true;
      }
    }
  }

  close(): void {
    this.#inflater?.close();
    this.#inflater = undefined;
  }
}

/** A message as it is on the wire: without its last four octets (§7.2.1). */
async function deflate(deflater: Deflater, message: Uint8Array): Promise<Uint8Array> {
  const own = message.slice();
  const deflating = deflater.deflate(own);
  own.fill(POISON);
  const deflated = await deflating;
  assert.deepEqual(copyOf(deflated.subarray(-4)), EMPTY_BLOCK_LENGTHS);
  return copyOf(deflated, deflated.length - 4);
}

/** Messages that compress well, badly and not at all. */
function samplesOf(size: number): Uint8Array[] {
  const text = utf8(`{"id":${size},"name":"order","items":[1,2,3]},`);
  const repeated = Uint8Array.from({ length: size }, (_, index) => text[index % text.length]!);
  return [new Uint8Array(size), repeated, randomOctets(size)];
}

/** `slice` of a Buffer copies nothing. */
function copyOf(octets: Uint8Array, end: number = octets.length): Uint8Array {
  return Uint8Array.from(octets.subarray(0, end));
}

/** Octets of a small alphabet, from a generator of its own: the same at each run. */
function letters(size: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 97 + ((state >>> 24) & 7);
  });
}

function assertEqual(actual: Outcome, expected: Uint8Array, what: string): void {
  assert.notEqual(actual, 'corrupt', what);
  assert.ok(Buffer.from(expected).equals(actual as Uint8Array), what);
}

for (const from of CODECS) {
  for (const to of CODECS) {
    const way = `${from.name} → ${to.name}`;

    for (const context of CONTEXTS) {
      const kind = context ? 'with' : 'without';

      test(`§7.2 ${way}: messages of all sizes come back, ${kind} context`, async () => {
        const deflater = from.createDeflater(DEFAULTS);
        const receiving = new Receiving(to, context);
        for (const size of [1, 2, 125, 4096, 65_535, 65_536, 65_537, 300_000]) {
          for (const message of samplesOf(size)) {
            const deflated = await deflate(deflater, message);
            if (!context) deflater.reset();
            assertEqual(await receiving.inflate(deflated), message, `${size} octets`);
            assertEqual(await receiving.inflate(), new Uint8Array(0), 'an empty message');
          }
        }
        deflater.close();
        receiving.close();
      });
    }

    test(`§7.2.2 ${way}: a large message comes back in pieces, none of them large`, async () => {
      const size = 5_000_000;
      const deflater = from.createDeflater(DEFAULTS);
      const receiving = new Receiving(to, false);
      for (const message of samplesOf(size)) {
        const deflated = await deflate(deflater, message);
        deflater.reset();
        assertEqual(await receiving.inflate(deflated), message, `${deflated.length} octets`);
        assert.ok(receiving.pieces.length > size / pieceSize(15));
      }
      deflater.close();
    });

    test(`§7.2.3.2 ${way}: what is kept of earlier messages makes the next ones smaller`, async () => {
      const deflater = from.createDeflater(DEFAULTS);
      const receiving = new Receiving(to, true);
      const message = randomOctets(1000);
      const lengths: number[] = [];
      for (let count = 0; count < 5; count++) {
        const deflated = await deflate(deflater, message);
        lengths.push(deflated.length);
        assertEqual(await receiving.inflate(deflated), message, `message ${count}`);
      }
      assert.ok(lengths[0]! > 1000);
      assert.ok(lengths.slice(1).every((length) => length < 50));
      deflater.close();
      receiving.close();
    });

    test(`§7.1.1 ${way}: a reset forgets the messages before it`, async () => {
      const deflater = from.createDeflater(DEFAULTS);
      const message = randomOctets(1000);
      const first = await deflate(deflater, message);
      deflater.reset();
      const second = await deflate(deflater, message);
      assert.deepEqual(second, first);
      assertEqual(await new Receiving(to, false).inflate(second), message, 'alone');
      // Before anything was compressed, and twice, it changes nothing.
      deflater.reset();
      deflater.reset();
      assert.deepEqual(await deflate(deflater, message), first);
      deflater.close();
    });

    test(`§7.1.1 ${way}: without context a message that refers to another is corrupt`, async () => {
      const deflater = from.createDeflater(DEFAULTS);
      const message = randomOctets(1000);
      const first = await deflate(deflater, message);
      const second = await deflate(deflater, message);
      const receiving = new Receiving(to, false);
      assertEqual(await receiving.inflate(first), message, 'the first');
      assert.equal(await receiving.inflate(second), 'corrupt');
      deflater.close();
    });

    test(`§7.1.2 ${way}: windows of all sizes, with all levels and amounts of memory`, async () => {
      for (let windowBits = 8; windowBits <= 15; windowBits++) {
        for (let memoryLevel = 1; memoryLevel <= 9; memoryLevel++) {
          const parameters = { windowBits, memoryLevel, level: 10 - memoryLevel };
          const deflater = from.createDeflater(parameters);
          const receiving = new Receiving(to, true, windowBits);
          for (const message of [letters(20_000, windowBits), randomOctets(3000), octetsOf(300)]) {
            const deflated = await deflate(deflater, message);
            assertEqual(await receiving.inflate(deflated), message, JSON.stringify(parameters));
          }
          deflater.close();
          receiving.close();
        }
      }
    });

    test(`§7.2.1 ${way}: what gets larger than there was room for comes back whole`, async () => {
      // With little memory zlib makes blocks of few octets, and each costs five more.
      for (let memoryLevel = 1; memoryLevel <= 9; memoryLevel++) {
        const deflater = from.createDeflater({ ...DEFAULTS, memoryLevel });
        const receiving = new Receiving(to, true);
        for (const size of [65_536, 98_304, 300_000]) {
          const message = randomOctets(size);
          const deflated = await deflate(deflater, message);
          assert.ok(deflated.length > size);
          const cuts = [deflated.length >>> 1, 1, 98_304];
          const inflated = await receiving.inflate(...slicesOf(deflated, cuts));
          assertEqual(inflated, message, `${size} octets, ${memoryLevel}`);
        }
        deflater.close();
        receiving.close();
      }
    });

    test(`§7.2.1 ${way}: no size of the result is one too many`, async () => {
      // The sizes around which the result just fills the room there is for it: 96 KiB.
      const deflater = from.createDeflater(DEFAULTS);
      const receiving = new Receiving(to, false);
      const message = randomOctets(98_304);
      const overhead = (await deflate(deflater, message)).length + 4 - message.length;
      for (let size = 98_304 - overhead - 8; size <= 98_304; size++) {
        deflater.reset();
        const part = message.subarray(0, size);
        assertEqual(await receiving.inflate(await deflate(deflater, part)), part, `${size} octets`);
      }
      deflater.close();
    });
  }
}

for (const codec of CODECS) {
  const { name } = codec;

  test(`§7.2.3 ${name}: the examples of the RFC`, async () => {
    const hello = utf8('Hello');
    const receiving = new Receiving(codec, true);
    assert.deepEqual(await receiving.inflate(hex`f2 48 cd c9 c9 07 00`), hello);
    assert.deepEqual(await receiving.inflate(hex`f2 00 11 00 00`), hello);
    assert.deepEqual(await receiving.inflate(hex`00 05 00 fa ff 48 65 6c 6c 6f 00`), hello);
    assert.deepEqual(await receiving.inflate(hex`f3 48 cd c9 c9 07 00 00`), hello);
    assert.deepEqual(await receiving.inflate(hex`f2 48 05 00 00 00 ff ff ca c9 c9 07 00`), hello);
    assert.deepEqual(await receiving.inflate(hex`00`), hex``);
    receiving.close();
  });

  for (const context of CONTEXTS) {
    const kind = context ? 'with' : 'without';

    test(`§7.2.2 ${name}: a message may arrive in any parts, empty ones too, ${kind} context`, async () => {
      const message = letters(3000, 5);
      const deflater = codec.createDeflater(DEFAULTS);
      const deflated = await deflate(deflater, message);
      const receiving = new Receiving(codec, context);
      const empty = hex``;
      const ways = [
        [deflated],
        singleOctets(deflated),
        [empty, deflated],
        [deflated, empty],
        [empty, empty, ...slicesOf(deflated, [7, 100, 100, 1000]), empty],
      ];
      for (const parts of ways) assertEqual(await receiving.inflate(...parts), message, 'parts');
      deflater.close();
      receiving.close();
    });

    test(`§7.2.3.6 ${name}: empty messages, ${kind} context`, async () => {
      const receiving = new Receiving(codec, context);
      // As the RFC makes them, as some peers do, and with BFINAL: whole, and completed by the tail.
      const whole = [hex`00`, hex``, hex`02 00`];
      const final = [hex`01 00 00 ff ff`, hex`01`, hex`03 00`, hex`03 00 00`];
      const empty = [...whole, ...final];
      for (const octets of empty) {
        assert.deepEqual(await receiving.inflate(octets), hex``);
        assert.deepEqual(await receiving.inflate(hex`f2 48 cd c9 c9 07 00`), utf8('Hello'));
        assert.deepEqual(await receiving.inflate(hex``, octets, hex``), hex``);
      }
      receiving.close();
    });

    test(`§7.2.3.4 ${name}: blocks with BFINAL, at the end and before more, ${kind} context`, async () => {
      const receiving = new Receiving(codec, context);
      for (const size of [1, 1000, 65_536, 200_000]) {
        const half = letters(size, size);
        const final = deflateRawSync(half);
        assertEqual(await receiving.inflate(final), half, 'nothing behind it');
        assertEqual(await receiving.inflate(final, hex`00`), half, 'an empty block behind it');
        const twice = concat(half, half);
        assertEqual(await receiving.inflate(final, final), twice, 'another behind it');
        assertEqual(await receiving.inflate(concat(final, final, hex`00`)), twice, 'in one part');
        const deflater = codec.createDeflater(DEFAULTS);
        const open = await deflate(deflater, half);
        assertEqual(await receiving.inflate(concat(final, open)), twice, 'an open one behind it');
        assertEqual(await receiving.inflate(open), half, 'the next message');
        deflater.close();
      }
      receiving.close();
    });

    test(`§7.2.2 ${name}: what is no compressed data is corrupt, ${kind} context`, async () => {
      const bad = [
        // A block of the type that does not exist; lengths that contradict each other.
        hex`07`,
        hex`06 00`,
        hex`00 05 00 00 00 48 65 6c 6c 6f 00`,
        // A reference to before the beginning.
        hex`02 03 00`,
        new Uint8Array(100).fill(0xff),
      ];
      for (const octets of bad) {
        for (const parts of [[octets], singleOctets(octets), [octets, hex`00`]]) {
          const receiving = new Receiving(codec, context);
          assert.equal(
            await receiving.inflate(...parts),
            'corrupt',
            Buffer.from(octets).toString('hex'),
          );
        }
      }
    });

    test(`§7.2.2 ${name}: a message that turns bad late is corrupt, ${kind} context`, async () => {
      const receiving = new Receiving(codec, context);
      const good = deflateRawSync(letters(500_000, 3), { finishFlush: 2 }).subarray(0, -4);
      assert.equal(await receiving.inflate(good, hex`07`), 'corrupt');
      assert.ok(receiving.pieces.length > 1);
    });

    test(`§7.2.2 ${name}: what is not sent with the message may not belong to it, ${kind} context`, async () => {
      // A stored block that announces more octets than there are: the tail must not fill it.
      for (const missing of [1, 4, 5, 9, 10, 11]) {
        const receiving = new Receiving(codec, context);
        const octets = concat(Uint8Array.of(0, 3 + missing, 0, 0xfc - missing, 0xff), utf8('abc'));
        assert.equal(await receiving.inflate(octets), 'corrupt', `${missing} octets are missing`);
      }
    });
  }

  test(`§7.2.2 ${name}: without context a message that breaks off is corrupt wherever it does`, async () => {
    const deflater = codec.createDeflater(DEFAULTS);
    // Blocks that are compressed: the first octet of one that is not says the same as an empty message.
    const samples = [utf8('Hello'), letters(400, 1), new Uint8Array(5000)];
    for (const message of samples) {
      const deflated = await deflate(deflater, message);
      deflater.reset();
      for (let length = 1; length < deflated.length; length++) {
        const outcome = await new Receiving(codec, false).inflate(deflated.subarray(0, length));
        assert.equal(outcome, 'corrupt', `${length} of ${deflated.length} octets`);
      }
    }
    deflater.close();
  });

  test(`§7.1.2 ${name}: a reference beyond the window that was agreed on is corrupt`, async () => {
    for (let windowBits = 8; windowBits <= 13; windowBits++) {
      const deflater = codec.createDeflater(DEFAULTS);
      const part = randomOctets(3 * 2 ** windowBits);
      const deflated = await deflate(deflater, concat(part, part));
      assert.ok(deflated.length < 1.5 * part.length, 'it refers to what is far behind');
      assert.equal(await new Receiving(codec, false, windowBits).inflate(deflated), 'corrupt');
      assert.equal(await new Receiving(codec, true, windowBits).inflate(deflated), 'corrupt');
      deflater.close();
    }
  });

  test(`${name}: an inflater of a small window gives small pieces`, async () => {
    const receiving = new Receiving(codec, true, 8);
    const message = new Uint8Array(10_000);
    const deflated = deflateRawSync(message, { finishFlush: 2, windowBits: 8 });
    assertEqual(await receiving.inflate(deflated.subarray(0, -4)), message, 'it comes back');
    assert.ok(receiving.pieces.length >= 10_000 / 16_384);
    receiving.close();
  });

  test(`${name}: states that are used by turns do not mix`, async () => {
    const connections = [1, 2, 3].map((seed) => ({
      deflater: codec.createDeflater(DEFAULTS),
      receiving: new Receiving(codec, true),
      message: letters(100_000, seed),
    }));
    for (let count = 0; count < 3; count++) {
      const deflated: Uint8Array[] = [];
      for (const { deflater, message } of connections)
        deflated.push(await deflate(deflater, message));
      const inflated = await Promise.all(
        connections.map(({ receiving }, index) =>
          receiving.inflate(...slicesOf(deflated[index]!, [10, 1000, 20_000])),
        ),
      );
      for (const [index, { message }] of connections.entries()) {
        assertEqual(inflated[index]!, message, `connection ${index}`);
      }
    }
    for (const { deflater, receiving } of connections) {
      deflater.close();
      receiving.close();
    }
  });

  test(`${name}: the octets of a deflater are intact until its next call`, async () => {
    const deflater = codec.createDeflater(DEFAULTS);
    const large = randomOctets(300_000);
    const deflated = await deflater.deflate(large);
    const copy = copyOf(deflated);
    const receiving = new Receiving(codec, false);
    assertEqual(await receiving.inflate(deflated.subarray(0, -4)), large, 'a large one');
    assert.deepEqual(copyOf(deflated), copy);
    deflater.close();
  });

  for (const context of CONTEXTS) {
    const kind = context ? 'with' : 'without';
    const deflated = deflateRawSync(letters(300_000, 9), { finishFlush: 2 }).subarray(0, -4);

    test(`${name}: an inflater can be closed in any state, ${kind} context`, async () => {
      const states: readonly ((inflater: Inflater) => void)[] = [
        () => {},
        (inflater) => inflater.put(deflated, 0, deflated.length, true),
        (inflater) => {
          inflater.put(deflated, 0, 1000, false);
          inflater.inflate();
        },
        (inflater) => {
          inflater.put(deflated, 0, deflated.length, true);
          inflater.inflate();
          inflater.keep();
        },
        (inflater) => {
          inflater.put(hex`07`, 0, 1, true);
          inflater.inflate();
        },
      ];
      for (const reach of states) {
        let woken = 0;
        const inflater = codec.createInflater(15, context, { onInflated: () => woken++ });
        reach(inflater);
        inflater.close();
        const before = woken;
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(woken, before, 'who has closed is not told anything');
      }
    });

    test(`${name}: an inflater that was closed disturbs no other, ${kind} context`, async () => {
      const abandoned = codec.createInflater(15, context, { onInflated: () => {} });
      abandoned.put(deflated, 0, deflated.length, false);
      abandoned.inflate();
      const receiving = new Receiving(codec, context);
      const inflating = receiving.inflate(deflated);
      abandoned.close();
      assertEqual(await inflating, letters(300_000, 9), 'the other');
      receiving.close();
    });
  }

  test(`${name}: a message without an octet can be ended and another begun`, async () => {
    const receiving = new Receiving(codec, true);
    const { inflater } = receiving;
    assert.equal(inflater.endMessage(), true);
    assert.equal(inflater.endMessage(), true);
    assert.deepEqual(await receiving.inflate(hex`f2 48 cd c9 c9 07 00`), utf8('Hello'));
    inflater.close();
  });

  test(`${name}: octets that are kept may change, at any step`, async () => {
    const message = letters(400_000, 11);
    const deflated = deflateRawSync(message, { finishFlush: 2 }).subarray(0, -4);
    let wake: (() => void) | undefined;
    const inflater = codec.createInflater(15, true, { onInflated: () => wake?.() });
    const lent = Uint8Array.from(deflated);
    inflater.put(lent, 0, lent.length, true);
    inflater.keep();
    lent.fill(POISON);
    const parts: Uint8Array[] = [];
    for (let step = inflater.inflate(); ; step = inflater.inflate()) {
      inflater.keep();
      if (step === 'waiting') await new Promise<void>((resolve) => (wake = resolve));
      else parts.push(copyOf(inflater.octets, inflater.length));
      assert.notEqual(step, 'corrupt');
      if (step === 'done') break;
    }
    assertEqual(concat(...parts), message, 'the message');
    inflater.close();
  });

  test(`${name}: a deflater can be closed at any time`, async () => {
    codec.createDeflater(DEFAULTS).close();
    const used = codec.createDeflater(DEFAULTS);
    await deflate(used, utf8('Hello'));
    used.close();
    used.close();
    const busy = codec.createDeflater(DEFAULTS);
    const deflating = busy.deflate(randomOctets(500_000));
    busy.close();
    await deflating;
  });
}

test('stream: a deflater that fails says so, and so it does from then on', async () => {
  // A stream that is destroyed with an error is all that Node makes of a failure of zlib.
  const streams: DeflateRaw[] = [];
  const deflater = new StreamDeflater(DEFAULTS);
  await deflate(deflater, utf8('Hello'));
  const prototype = Object.getPrototypeOf(createDeflateRaw()) as DeflateRaw;
  const transform = mock.method(prototype, '_transform', function (this: DeflateRaw) {
    streams.push(this);
    this.destroy(new Error('no memory'));
  });
  await assert.rejects(deflater.deflate(utf8('Hello')), /no memory/u);
  transform.mock.restore();
  assert.equal(streams.length, 1);
  await assert.rejects(deflater.deflate(utf8('Hello')), /no memory/u);
  deflater.reset();
  deflater.close();
});

test('handle: what is closed, or has failed, is never run again: Node would end the process', () => {
  const deflater = new HandleDeflater(DEFAULTS);
  deflater.close();
  assert.throws(() => deflater.deflate(utf8('Hello')));
  const closed = new HandleInflater(15, undefined);
  closed.close();
  closed.put(hex`f2 48 cd c9 c9 07 00`, 0, 7, true);
  assert.equal(closed.inflate(), 'corrupt');
  const failed = new HandleInflater(15, undefined);
  failed.put(hex`07`, 0, 1, true);
  assert.equal(failed.inflate(), 'corrupt');
  assert.equal(failed.inflate(), 'corrupt');
  failed.close();
});

test('stream: whoever compresses with what is closed, or closes, is answered all the same', async () => {
  const deflater = new StreamDeflater(DEFAULTS);
  deflater.close();
  assert.equal((await deflater.deflate(utf8('Hello'))).length, 0);
  deflater.reset();
  assert.equal((await deflater.deflate(utf8('Hello'))).length, 0);
});

test('handle: an inflater without context goes back to its pool, as good as new', async () => {
  const pooled: HandleInflater[] = [];
  const pool = { give: (inflater: HandleInflater): boolean => pooled.push(inflater) > 0 };
  const deflated = deflateRawSync(letters(300_000, 9), { finishFlush: 2 }).subarray(0, -4);
  const inflater = new HandleInflater(15, pool);
  // Closed within a message, with a piece handed out and more to come.
  inflater.put(deflated, 0, deflated.length, true);
  assert.equal(inflater.inflate(), 'piece');
  inflater.close();
  assert.deepEqual(pooled, [inflater]);
  inflater.put(hex`f2 48 cd c9 c9 07 00`, 0, 7, true);
  assert.equal(inflater.inflate(), 'done');
  assert.deepEqual(copyOf(inflater.octets, inflater.length), utf8('Hello'));
  assert.equal(inflater.endMessage(), false);
  assert.equal(pooled.length, 2);
  inflater.put(hex`07`, 0, 1, true);
  assert.equal(inflater.inflate(), 'corrupt');
  inflater.close();
  assert.equal(pooled.length, 2, 'one that has failed is not used again');
});

test('§7.2.2 both ways judge damaged messages alike', async () => {
  const RUNS = 800;
  let state = 20_260;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const verdicts = { corrupt: 0, fine: 0 };
  for (let run = 0; run < RUNS; run++) {
    const context = random(2) === 0;
    const flush = random(3) === 0 ? 4 : 2;
    const original = deflateRawSync(letters(1 + random(2000), run), { finishFlush: flush });
    const damaged = Uint8Array.from(original.subarray(0, original.length - random(6)));
    if (damaged.length > 0) damaged[random(damaged.length)]! ^= 1 << random(8);
    const parts = slicesOf(damaged, [random(5000), random(5000)]);
    const outcomes: Outcome[] = [];
    for (const codec of CODECS) {
      const receiving = new Receiving(codec, context);
      outcomes.push(await receiving.inflate(...parts));
      receiving.close();
    }
    assert.deepEqual(
      outcomes[1],
      outcomes[0],
      `run ${run}: ${Buffer.from(damaged).toString('hex')}`,
    );
    verdicts[outcomes[0] === 'corrupt' ? 'corrupt' : 'fine']++;
  }
  assert.ok(verdicts.corrupt > RUNS / 10 && verdicts.fine > RUNS / 10, JSON.stringify(verdicts));
});
