/** RFC 6455 §5.2: chunks of many frames in, buffers of many frames out. */
import { isUtf8 } from 'node:buffer';
import { randomFillSync } from 'node:crypto';
import {
  MaskingKeys,
  OutputBuffer,
  Protocol,
  resolveLimits,
  type FillRandom,
  type MessageType,
  type ProtocolOptions,
  type ProtocolSink,
} from 'framewire/protocol';
import { allocate, asBuffer, mask, readBuffer } from './internals.ts';
import { sizesTo } from './sizes.ts';
import type { Row, Table } from './table.ts';
import { textOf } from './texts.ts';

/** Octets in one chunk, and frames. */
const CHUNK = 64 * 1024;
const MOST_FRAMES = 64;

const limits = resolveLimits();

const ignoring: ProtocolSink = {
  onMessage() {},
  onFragment() {},
  onPing() {},
  onPong() {},
  onFailure(error) {
    throw error;
  },
};

/** What a connection of the library gives its protocol. */
const NATIVE = { natives: { isUtf8, applyMask: mask, allocate, writeText } };

export const frames: readonly Table[] = [
  {
    title: 'Frames parsed',
    rows: 'octets',
    measured: parsed(),
    decides: [{ name: 'receive', file: 'protocol/protocol.ts' }],
    unlike: true,
  },
  {
    title: 'Frames serialised',
    rows: 'octets',
    measured: serialised(),
    decides: [{ name: 'MAX_COPIED', file: 'protocol/output.ts' }],
    unlike: true,
  },
];

function writeText(text: string, target: Uint8Array, at: number): number {
  return asBuffer(target).write(text, at, 'utf8');
}

function framesOf(size: number): number {
  return Math.max(1, Math.min(MOST_FRAMES, Math.floor(CHUNK / (size + 14))));
}

function server(options: Partial<ProtocolOptions>, output: OutputBuffer = new OutputBuffer()) {
  return new Protocol({ role: 'server', limits, sink: ignoring, output, ...options });
}

function client(options: Partial<ProtocolOptions>, output: OutputBuffer, fill: FillRandom) {
  const maskingKeys = new MaskingKeys(fill);
  return new Protocol({ role: 'client', limits, sink: ignoring, output, maskingKeys, ...options });
}

/** Whole frames each time, so that none has to wait for the next chunk. */
function* parsed(): Iterable<Row> {
  const plain = server({});
  const native = server(NATIVE);
  const received = client(NATIVE, new OutputBuffer(), randomFillSync);
  for (const size of sizesTo(CHUNK)) {
    const each = framesOf(size);
    const text = Buffer.from(textOf('ASCII', size));
    const masked = chunkOf('binary', text, each, 0x5a);
    // Each call unmasks what the last has made of it: a text stays one only with a key of zero.
    const shared = readBuffer.subarray(0, masked.length);
    const texts = readBuffer.subarray(masked.length, 2 * masked.length);
    shared.set(masked);
    texts.set(chunkOf('text', text, each, 0));
    const unmasked = chunkOf('binary', text, each);
    yield {
      label: size,
      each,
      ways: {
        'server, JavaScript only': () => plain.receive(masked),
        server: () => native.receive(shared),
        'server, text': () => native.receive(texts),
        client: () => received.receive(unmasked),
      },
    };
  }
}

/** Frames as a client sends them, with all octets of all keys alike, or as a server does. */
function chunkOf(type: MessageType, payload: Uint8Array, frames: number, key?: number): Buffer {
  const output = new OutputBuffer();
  const sender =
    key === undefined ? server({}, output) : client({}, output, (target) => target.fill(key));
  for (let frame = 0; frame < frames; frame++) sender.sendOctets(type, payload);
  return Buffer.concat(output.take());
}

function* serialised(): Iterable<Row> {
  const output = new OutputBuffer();
  const unmasked = server(NATIVE, output);
  const masked = client(NATIVE, output, randomFillSync);
  const plain = client({}, output, randomFillSync);
  for (const size of sizesTo(1024 * 1024)) {
    const each = framesOf(size);
    const text = textOf('ASCII', size);
    const octets = new Uint8Array(Buffer.from(text));
    const batch = (send: () => void) => () => {
      for (let frame = 0; frame < each; frame++) send();
      output.take();
    };
    yield {
      label: size,
      each,
      ways: {
        server: batch(() => unmasked.sendOctets('binary', octets)),
        'server, text': batch(() => unmasked.sendText(text)),
        client: batch(() => masked.sendOctets('binary', octets)),
        'client, JavaScript only': batch(() => plain.sendOctets('binary', octets)),
      },
    };
  }
}
