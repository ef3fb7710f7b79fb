/** The messages of a workload as the client sends them: masked frames, built once, in one buffer. */
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import type { ClientDeflate, Content, Messaging } from '../operations.ts';
import { content, Random } from './contents.ts';

/** Octets of all contents together, beyond which there are not more messages than needed. */
const POOL = 8 * 1024 * 1024;

const MOST_MESSAGES = 1024;

/**
 * Where the compression of a cycle of messages begins anew, so that a connection may begin there, and
 * so that the cycle can be repeated: what follows refers to nothing before it.
 */
const CONTEXT_SPAN = 64;

/** RFC 7692 §7.2.1: how a compressed message ends, and what it leaves out. */
export const TAIL: Buffer = Buffer.of(0x00, 0x00, 0xff, 0xff);

const FIN = 0x80;
const RSV1 = 0x40;
const MASKED = 0x80;
const LONGEST_HEAD = 14;
const TEXT = 1;
const BINARY = 2;

export interface Messages {
  readonly count: number;
  readonly opcode: number;
  /** What each says. */
  readonly contents: readonly Uint8Array[];
  /** All frames, one behind the other, and where each begins; the end of the last comes last. */
  readonly frames: Buffer;
  readonly starts: Uint32Array;
  /** Which message the connection of that number begins with. */
  firstOf(connection: number): number;
}

/** A cycle of different messages. */
export function buildContents({ kind, size, window }: Content): Uint8Array[] {
  const fitting = Math.max(Math.floor(POOL / size), 2 * window, 4);
  const length = Math.min(fitting, MOST_MESSAGES);
  return Array.from({ length }, (_, seed) => content(kind, size, seed));
}

export async function buildMessages(workload: Messaging): Promise<Messages> {
  const { kind, deflate } = workload;
  const contents = buildContents(workload);
  const count = contents.length;
  const payloads = deflate === undefined ? contents : await deflateAll(contents, deflate);
  const opcode = kind === 'binary' ? BINARY : TEXT;
  const random = new Random(count);
  const first = FIN | opcode | (deflate === undefined ? 0 : RSV1);
  const parts = payloads.map((payload) => maskedFrame(first, payload, random));
  const starts = new Uint32Array(count + 1);
  parts.forEach((part, index) => (starts[index + 1] = starts[index]! + part.length));
  const span = deflate?.keepsContext === true ? CONTEXT_SPAN : 1;
  const spans = Math.ceil(count / span);
  const firstOf = (connection: number): number => (connection % spans) * span;
  return { count, opcode, contents, frames: Buffer.concat(parts), starts, firstOf };
}

/** RFC 6455 §5.2, with a key drawn for this frame. */
export function maskedFrame(first: number, payload: Uint8Array, random: Random): Buffer {
  const { length } = payload;
  const frame = Buffer.alloc(LONGEST_HEAD + length);
  frame[0] = first;
  let at = 2;
  if (length < 126) {
    frame[1] = MASKED | length;
  } else if (length < 65_536) {
    frame[1] = MASKED | 126;
    at = frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = MASKED | 127;
    at = frame.writeBigUInt64BE(BigInt(length), 2);
  }
  const key = at;
  for (let index = 0; index < 4; index++) frame[at++] = random.below(256);
  for (let index = 0; index < length; index++) {
    frame[at++] = payload[index]! ^ frame[key + (index & 3)]!;
  }
  return frame.subarray(0, at);
}

async function deflateAll(
  contents: readonly Uint8Array[],
  { level, keepsContext }: ClientDeflate,
): Promise<Uint8Array[]> {
  const options = { level, finishFlush: constants.Z_SYNC_FLUSH };
  if (keepsContext) return deflateInContext(contents, level);
  return contents.map((content) => withoutTail(deflateRawSync(content, options)));
}

async function deflateInContext(
  contents: readonly Uint8Array[],
  level: number,
): Promise<Uint8Array[]> {
  const stream = createDeflateRaw({ level });
  let parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  const payloads: Uint8Array[] = [];
  for (const [index, content] of contents.entries()) {
    if (index % CONTEXT_SPAN === 0) stream.reset();
    stream.write(content);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
    payloads.push(withoutTail(Buffer.concat(parts)));
    parts = [];
  }
  stream.close();
  return payloads;
}

function withoutTail(deflated: Buffer): Uint8Array {
  if (!deflated.subarray(-TAIL.length).equals(TAIL)) throw new Error('deflate did not flush');
  return deflated.subarray(0, -TAIL.length);
}
