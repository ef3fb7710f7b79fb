/** Finds the messages in what a server sends. Most payloads are passed over, a sample is kept. */

export interface Reply {
  readonly opcode: number;
  /** RSV1 of its first frame (RFC 7692 §6). */
  readonly compressed: boolean;
  readonly payload: Buffer;
  /** The masking key, where octets are echoed as they are; then there is one frame. */
  readonly key: Uint8Array | undefined;
}

export interface ReplySink {
  /** Whether the payload of the message with this number is wanted. */
  wants(index: number): boolean;
  receive(index: number, reply: Reply): void;
  control(opcode: number, payload: Buffer): void;
}

const FIN = 0x80;
const RSV1 = 0x40;
const OTHER_RESERVED = 0x30;
const MASKED = 0x80;
const FIRST_CONTROL = 8;
const LONGEST_HEAD = 14;

export class ReplyReader {
  readonly #sink: ReplySink;
  /** A head that is divided between two chunks. */
  readonly #head = new Uint8Array(LONGEST_HEAD);
  #headLength = 0;
  #inPayload = false;
  /** Octets of the frame that are still to come. */
  #left = 0;
  #first = 0;
  #key: Uint8Array | undefined;
  /** Where the payload of the frame goes, if it is wanted. */
  #parts: Buffer[] | undefined;
  /** The first octet of the message, while it is not complete; 0 between messages. */
  #message = 0;
  #messageParts: Buffer[] | undefined;
  /** Messages so far. */
  messages = 0;

  constructor(sink: ReplySink) {
    this.#sink = sink;
  }

  /** Reads the first `length` octets of a chunk, which may be used again afterwards. */
  read(chunk: Uint8Array, length: number): void {
    let at = 0;
    while (at < length) {
      if (!this.#inPayload) at = this.#readHead(chunk, at, length);
      if (!this.#inPayload) return;
      const end = Math.min(at + this.#left, length);
      if (this.#parts !== undefined) this.#parts.push(Buffer.from(chunk.subarray(at, end)));
      this.#left -= end - at;
      at = end;
      if (this.#left > 0) return;
      this.#inPayload = false;
      this.#endFrame();
    }
  }

  /** Where the payload begins, or all that there is when the head is not complete yet. */
  #readHead(chunk: Uint8Array, start: number, end: number): number {
    if (this.#headLength === 0 && end - start >= 2) {
      const size = headSize(chunk[start + 1]!);
      if (end - start >= size) {
        this.#beginFrame(chunk, start, size);
        return start + size;
      }
    }
    const head = this.#head;
    for (let at = start; at < end;) {
      head[this.#headLength++] = chunk[at++]!;
      if (this.#headLength < 2 || this.#headLength < headSize(head[1]!)) continue;
      this.#beginFrame(head, 0, this.#headLength);
      this.#headLength = 0;
      return at;
    }
    return end;
  }

  #beginFrame(head: Uint8Array, start: number, size: number): void {
    const first = head[start]!;
    const second = head[start + 1]!;
    if ((first & OTHER_RESERVED) !== 0) throw new Error('a frame has reserved bits');
    this.#first = first;
    this.#left = payloadLength(head, start);
    // A copy: what `slice` of a Buffer gives changes with the chunk.
    this.#key =
      (second & MASKED) === 0
        ? undefined
        : Uint8Array.from(head.subarray(start + size - 4, start + size));
    this.#inPayload = true;
    if ((first & 0x0f) >= FIRST_CONTROL) {
      this.#parts = [];
      return;
    }
    if ((this.#message === 0) === ((first & 0x0f) === 0)) throw new Error('a fragment is astray');
    if (this.#message === 0) {
      this.#message = first;
      this.#messageParts = this.#sink.wants(this.messages) ? [] : undefined;
    }
    this.#parts = this.#messageParts;
  }

  #endFrame(): void {
    const opcode = this.#first & 0x0f;
    if (opcode >= FIRST_CONTROL) {
      this.#sink.control(opcode, Buffer.concat(this.#parts ?? []));
      return;
    }
    if ((this.#first & FIN) === 0) return;
    const index = this.messages++;
    const first = this.#message;
    this.#message = 0;
    if (this.#messageParts === undefined) return;
    this.#sink.receive(index, {
      opcode: first & 0x0f,
      compressed: (first & RSV1) !== 0,
      payload: Buffer.concat(this.#messageParts),
      key: this.#key,
    });
  }
}

/** RFC 6455 §5.2, from the second octet. */
function headSize(second: number): number {
  const length = second & 0x7f;
  const extended = length < 126 ? 0 : length === 126 ? 2 : 8;
  return 2 + extended + ((second & MASKED) === 0 ? 0 : 4);
}

function payloadLength(head: Uint8Array, start: number): number {
  const length = head[start + 1]! & 0x7f;
  if (length < 126) return length;
  const octets = length === 126 ? 2 : 8;
  let value = 0;
  for (let index = 0; index < octets; index++) value = value * 256 + head[start + 2 + index]!;
  return value;
}
