/** Compares a sample of the replies with what was sent. */
import { constants, inflateRawSync } from 'node:zlib';
import { TAIL, type Messages } from './messages.ts';
import type { Reply } from './reply-reader.ts';

/** One message in so many is compared; prime, so that it falls in step with nothing. */
export const SAMPLE = 61;

/**
 * Where the server keeps its context only the beginning of a connection can be inflated without
 * inflating all of it: so many messages, more than a window of 32 KiB holds when they have 1 KiB.
 */
const CONTEXT_SAMPLE = 48;

export class Verifier {
  readonly #messages: Messages;
  readonly #first: number;
  readonly #keepsContext: boolean;
  /** The compressed messages of a context, and what they have to say. */
  readonly #deflated: Uint8Array[] = [];
  readonly #expected: Uint8Array[] = [];
  /** Messages that were compared. */
  verified = 0;

  constructor(messages: Messages, first: number, keepsContext: boolean) {
    this.#messages = messages;
    this.#first = first;
    this.#keepsContext = keepsContext;
  }

  wants(index: number): boolean {
    return this.#keepsContext ? index < CONTEXT_SAMPLE : index % SAMPLE === 0;
  }

  receive(index: number, reply: Reply): void {
    const { contents, opcode, count } = this.#messages;
    const content = contents[(this.#first + index) % count]!;
    if (reply.opcode !== opcode) throw new Error(`a message came back with opcode ${reply.opcode}`);
    if (!reply.compressed) this.#compare([unmasked(reply)], [content]);
    else if (this.#keepsContext) this.#receiveInContext(index, reply, content);
    else this.#compare([inflate([reply.payload])], [content]);
  }

  #receiveInContext(index: number, { payload }: Reply, content: Uint8Array): void {
    this.#deflated.push(payload, TAIL);
    this.#expected.push(content);
    if (index !== 0 && index !== CONTEXT_SAMPLE - 1) return;
    this.#compare([inflate(this.#deflated)], this.#expected);
  }

  #compare(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
    if (!Buffer.concat(actual).equals(Buffer.concat(expected))) {
      throw new Error('a message came back different');
    }
    this.verified += expected.length;
  }
}

function inflate(deflated: readonly Uint8Array[]): Uint8Array {
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  return inflateRawSync(Buffer.concat([...deflated, TAIL]), options);
}

function unmasked({ payload, key }: Reply): Uint8Array {
  if (key === undefined) return payload;
  return payload.map((octet, index) => octet ^ key[index & 3]!);
}
