/** RFC 7692 — whatever is sent in whatever way, and however the way cuts it, arrives as it was. */
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  connect,
  prepareMessage,
  WebSocketServer,
  type Connection,
  type Message,
  type PerMessageDeflateOptions,
} from 'framewire';
import { concat, utf8 } from '../protocol/frames.ts';
import { turn, turns, within } from './raw-peer.ts';

const RUNS = 60;

/** Milliseconds after which all of a run's messages should have arrived, on a slow machine. */
const PATIENCE = 60_000;

/** Numbers that a seed decides on. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 on, below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  of<Value>(...values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }
}

/** One end of a stream in memory that hands on what it is given in pieces of any size. */
class CuttingSide extends Duplex {
  peer: CuttingSide | undefined;
  readonly #random: Random;
  #wanted: (() => void) | undefined;

  constructor(random: Random) {
    super({ highWaterMark: 16 * 1024 });
    this.#random = random;
  }

  override _read(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    void this.#cut(Uint8Array.from(chunk)).then(callback);
  }

  override _final(callback: () => void): void {
    this.peer?.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this._read();
    this.peer?._read();
    setImmediate(() => this.peer?.destroy());
    callback(error);
  }

  async #cut(octets: Uint8Array): Promise<void> {
    const { peer } = this;
    // Few cuts of a large chunk, many of a small one: one octet at a time now and then.
    const most = this.#random.of(1, 7, 500, 20_000, 200_000, 200_000);
    let start = 0;
    while (start < octets.length && peer !== undefined && !peer.destroyed) {
      const isLate = most < 10 && start > 200;
      const end = start + (isLate ? octets.length : this.#random.between(1, most));
      const hasRoom = peer.push(octets.subarray(start, end));
      start = end;
      if (!hasRoom && !peer.destroyed) await new Promise<void>((wanted) => (peer.#wanted = wanted));
      else if (this.#random.chance(10)) await turn();
    }
  }
}

function cuttingPair(random: Random): [Duplex, Duplex] {
  const near = new CuttingSide(random);
  const far = new CuttingSide(random);
  near.peer = far;
  far.peer = near;
  return [near, far];
}

function anyOptions(random: Random): PerMessageDeflateOptions {
  return {
    serverNoContextTakeover: random.of(true, false, false, undefined),
    clientNoContextTakeover: random.of(true, false, false, undefined),
    serverMaxWindowBits: random.of(undefined, random.between(8, 15)),
    clientMaxWindowBits: random.of(undefined, random.between(8, 15)),
    threshold: random.of(undefined, 0, 1, 5000),
    level: random.between(1, 9),
    memoryLevel: random.between(1, 9),
  };
}

const WORDS = ['order', 'Größe', '€', '😀', '{"id":', 'null', ' ', '0', 'the same again and again'];

function anyText(random: Random, size: number): string {
  const words: string[] = [];
  const known = random.between(1, WORDS.length);
  for (let length = 0; length < size; length += words.at(-1)!.length) {
    words.push(random.chance(20) ? String(random.below(1e9)) : WORDS[random.below(known)]!);
  }
  return words.join('');
}

/** What cannot be made smaller, what refers to far behind, and what is next to nothing. */
function anyOctets(random: Random, size: number): Uint8Array {
  const period = random.of(1, 100, 3000, 40_000, size + 1);
  const octets = new Uint8Array(size);
  for (let index = 0; index < size; index++) {
    octets[index] = index < period ? random.below(256) : octets[index - period]!;
  }
  return octets;
}

function anySize(random: Random): number {
  const most = random.of(0, 10, 300, 300, 5000, 5000, 65_536, 300_000);
  return random.of(random.below(most + 1), most);
}

function anyMessage(random: Random): Message {
  const size = anySize(random);
  return random.chance(40) ? anyText(random, size) : anyOctets(random, size);
}

/** The same in parts, which may be cut anywhere, within code points too. */
function* partsOf(random: Random, message: Message): Generator<Uint8Array> {
  const octets = typeof message === 'string' ? utf8(message) : message;
  for (let start = 0; start < octets.length;) {
    const end = start + random.between(1, random.of(10, 5000, 100_000, 300_000));
    yield octets.subarray(start, end);
    start = end;
  }
}

/** Sends some messages in all the ways there are; returns them as they were. */
async function sendSome(random: Random, connection: Connection): Promise<Message[]> {
  const messages: Message[] = [];
  const sends: Promise<void>[] = [];
  // What compresses to the same again, so that a context that is wrong shows.
  const familiar = Array.from({ length: 3 }, () => anyMessage(random));
  for (let count = random.between(1, 14); count > 0; count--) {
    const message = random.chance(40) ? random.of(...familiar) : anyMessage(random);
    const compress = random.of(true, false, undefined, undefined);
    messages.push(message);
    const type = typeof message === 'string' ? 'text' : 'binary';
    const way = random.below(10);
    if (way < 6) {
      sends.push(sendAndForget(connection, message, compress));
    } else if (way < 8) {
      sends.push(connection.send(prepareMessage(message), { compress }));
    } else {
      sends.push(connection.sendStream(partsOf(random, message), { type, compress }));
    }
    if (random.chance(20)) void connection.ping();
    const rest = random.below(10);
    if (rest < 3) await sends.at(-1);
    else if (rest < 5) await turns(random.below(4));
  }
  await Promise.all(sends);
  return messages;
}

/** Small octets are changed at once: nobody may look at them any more. */
function sendAndForget(
  connection: Connection,
  message: Message,
  compress: boolean | undefined,
): Promise<void> {
  if (typeof message === 'string' || message.length > 65_536) {
    return connection.send(message, { compress });
  }
  const own = message.slice();
  const sent = connection.send(own, { compress });
  own.fill(0xaa);
  return sent;
}

/** Reads all there is, in one way or another, until the other side closes. */
async function receiveAll(random: Random, connection: Connection): Promise<Message[]> {
  const messages: Message[] = [];
  const pause = random.of(0, 0, 30, 80);
  const rest = async (): Promise<void> => {
    if (!random.chance(pause)) return;
    connection.pause();
    await turns(random.below(10));
    connection.resume();
  };
  if (random.chance(50)) {
    for await (const message of connection) {
      messages.push(message);
      await rest();
    }
    return messages;
  }
  for await (const stream of connection.messages()) {
    const parts: (string | Uint8Array)[] = [];
    for await (const part of stream) {
      parts.push(part);
      await rest();
    }
    messages.push(
      stream.type === 'text' ? parts.join('') : concat(...(parts as readonly Uint8Array[])),
    );
  }
  return messages;
}

function assertSame(actual: readonly Message[], expected: readonly Message[], who: string): void {
  for (const [index, message] of expected.entries()) {
    const received = actual[index];
    const isSame =
      typeof message === 'string' || typeof received !== 'object'
        ? message === received
        : Buffer.from(message).equals(received);
    assert.ok(isSame, `message ${index} of ${expected.length} from the ${who}`);
  }
  assert.equal(actual.length, expected.length);
}

async function converse(seed: number): Promise<void> {
  const random = new Random(seed);
  const [near, far] = cuttingPair(random);
  const server = new WebSocketServer({
    perMessageDeflate: anyOptions(random),
    highWaterMark: random.of(undefined, 1000, 200_000),
  });
  const serving = server.serve(far);
  const client = await connect('ws://test.example/', {
    transport: near,
    perMessageDeflate: anyOptions(random),
    highWaterMark: random.of(undefined, 1000, 200_000),
  });
  const sides = [client, await serving] as const;
  for (const side of sides) assert.notEqual(side.perMessageDeflate, undefined);
  assert.deepEqual(sides[0].perMessageDeflate, sides[1].perMessageDeflate);
  try {
    const receiving = sides.map((side) => receiveAll(random, side));
    const sent = await Promise.all(sides.map((side) => sendSome(random, side)));
    // A side that has closed takes no more messages: both have to have all before either does.
    await Promise.all(sides.map((side) => side.ping()));
    await until(() => sides.every((side) => side.bufferedAmount === 0));
    const closing = sides[0].close(1000);
    const [toClient, toServer] = await Promise.all(receiving);
    assertSame(toServer!, sent[0]!, 'client');
    assertSame(toClient!, sent[1]!, 'server');
    assert.equal((await closing).wasClean, true);
  } finally {
    for (const side of sides) side.terminate();
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

test('all that both sides send at once arrives, in order and as it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
      await within(converse(seed), 'the conversation', PATIENCE);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});
