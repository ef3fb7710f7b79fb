/** The messages of a WebSocket that is passed on, the newest of them. */
import { constants, inflateRawSync } from 'node:zlib';
import { FrameScanner } from './websocket-frames.ts';

export interface LoggedMessage {
  readonly side: 'request' | 'answer';
  readonly at: number;
  readonly type: 'text' | 'binary' | 'close' | 'ping' | 'pong';
  /** As it was sent, compressed or not. */
  readonly octets: number;
  readonly isCompressed: boolean;
  /** The beginning; undefined where it cannot be read. */
  readonly content: Uint8Array | undefined;
  readonly isWhole: boolean;
}

const MAX_MESSAGES = 200;
/** Octets kept of each message. */
const MAX_CONTENT = 4096;
/** RFC 7692 §7.1.2: what a message may refer to. */
const WINDOW = 32 * 1024;
/** Octets of a compressed message, and of what it unfolds to. Beyond, it is not read. */
const MAX_COMPRESSED = 64 * 1024;
const MAX_INFLATED = 256 * 1024;
const OVERHEAD = 128;

export class WebSocketLog {
  readonly #readers: Readonly<Record<LoggedMessage['side'], MessageReader>>;
  readonly #scanners: Readonly<Record<LoggedMessage['side'], FrameScanner>>;
  readonly #most: number;
  #messages: LoggedMessage[] = [];
  #dropped = 0;
  #weight = 0;

  /** The extensions that were agreed on, and the octets that the messages may take. */
  constructor(extensions: string, most: number) {
    this.#most = most;
    const compresses = /permessage-deflate/iu.test(extensions);
    const reader = (side: LoggedMessage['side'], forgets: RegExp): MessageReader => {
      const inflater = new MessageInflater(!forgets.test(extensions));
      const add = (message: LoggedMessage): void => this.#add(message);
      return new MessageReader(side, compresses ? inflater : undefined, add);
    };
    this.#readers = {
      request: reader('request', /client_no_context_takeover/iu),
      answer: reader('answer', /server_no_context_takeover/iu),
    };
    const { request, answer } = this.#readers;
    this.#scanners = { request: new FrameScanner(request), answer: new FrameScanner(answer) };
  }

  get messages(): readonly LoggedMessage[] {
    return this.#messages;
  }

  /** Older ones that were let go. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Octets that it holds, about. */
  get weight(): number {
    return this.#weight + this.#readers.request.held + this.#readers.answer.held;
  }

  add(side: LoggedMessage['side'], chunk: Uint8Array): void {
    this.#scanners[side].add(chunk);
  }

  #add(message: LoggedMessage): void {
    this.#messages.push(message);
    this.#weight += weigh(message);
    while (this.#messages.length > MAX_MESSAGES || this.#weight > this.#most) {
      const oldest = this.#messages.shift();
      if (oldest === undefined) break;
      this.#weight -= weigh(oldest);
      this.#dropped++;
    }
  }
}

function weigh({ content }: LoggedMessage): number {
  return OVERHEAD + (content?.length ?? 0);
}

const CONTROL_TYPES: ReadonlyMap<number, LoggedMessage['type']> = new Map([
  [8, 'close'],
  [9, 'ping'],
  [10, 'pong'],
]);

/** A message whose end has not come. */
interface Unfinished {
  readonly type: LoggedMessage['type'];
  readonly isCompressed: boolean;
  readonly most: number;
  parts: Uint8Array[];
  kept: number;
  octets: number;
}

class MessageReader {
  readonly #side: LoggedMessage['side'];
  readonly #inflater: MessageInflater | undefined;
  readonly #onMessage: (message: LoggedMessage) => void;
  #message: Unfinished | undefined;
  /** A control frame may come between the fragments of a message (§5.4). */
  #control: Unfinished | undefined;
  #isFinal = true;

  constructor(
    side: LoggedMessage['side'],
    inflater: MessageInflater | undefined,
    onMessage: (message: LoggedMessage) => void,
  ) {
    this.#side = side;
    this.#inflater = inflater;
    this.#onMessage = onMessage;
  }

  /** Octets of what is not complete, and of what the next message may refer to. */
  get held(): number {
    const unfinished = (this.#message?.kept ?? 0) + (this.#control?.kept ?? 0);
    return unfinished + (this.#inflater?.held ?? 0);
  }

  onHeader(octet0: number, length: number): void {
    const opcode = octet0 & 0x0f;
    const control = CONTROL_TYPES.get(opcode);
    this.#isFinal = octet0 >= 0x80;
    if (control !== undefined) this.#control = unfinished(control, false, MAX_CONTENT);
    else if (opcode !== 0 || this.#message === undefined) {
      const isCompressed = (octet0 & 0x40) !== 0 && this.#inflater !== undefined;
      const most = isCompressed ? MAX_COMPRESSED : MAX_CONTENT;
      this.#message = unfinished(opcode === 1 ? 'text' : 'binary', isCompressed, most);
    }
    const current = this.#control ?? this.#message;
    if (current !== undefined) current.octets += length;
  }

  get wanted(): number {
    const current = this.#control ?? this.#message;
    return current === undefined ? 0 : current.most - current.kept;
  }

  onPayload(octets: Uint8Array): void {
    const current = this.#control ?? this.#message;
    if (current === undefined) return;
    current.parts.push(Uint8Array.prototype.slice.call(octets));
    current.kept += octets.length;
  }

  onEnd(): void {
    const current = this.#control ?? this.#message;
    if (current === undefined) return;
    if (this.#control === undefined) {
      if (!this.#isFinal) return;
      this.#message = undefined;
    } else {
      this.#control = undefined;
    }
    this.#onMessage(this.#finish(current));
  }

  #finish({ type, isCompressed, parts, kept, octets }: Unfinished): LoggedMessage {
    let content: Uint8Array | undefined = Buffer.concat(parts);
    let isWhole = kept === octets;
    if (isCompressed) content = isWhole ? this.#inflater?.inflate(content) : this.#lose();
    if (content !== undefined && content.length > MAX_CONTENT) {
      content = Uint8Array.prototype.slice.call(content, 0, MAX_CONTENT);
      isWhole = false;
    }
    return { side: this.#side, at: Date.now(), type, octets, isCompressed, content, isWhole };
  }

  #lose(): undefined {
    this.#inflater?.lose();
    return undefined;
  }
}

function unfinished(type: LoggedMessage['type'], isCompressed: boolean, most: number): Unfinished {
  return { type, isCompressed, most, parts: [], kept: 0, octets: 0 };
}

const NOTHING = new Uint8Array();
/** RFC 7692 §7.2.2: what the sender has taken off. */
const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);

class MessageInflater {
  readonly #remembers: boolean;
  #window: Uint8Array = NOTHING;
  #isLost = false;

  /** Whether a message may refer to those before. */
  constructor(remembers: boolean) {
    this.#remembers = remembers;
  }

  get held(): number {
    return this.#window.length;
  }

  /** A message was not read: what refers to it cannot be either. */
  lose(): void {
    this.#isLost = this.#remembers;
  }

  inflate(octets: Uint8Array): Uint8Array | undefined {
    if (this.#isLost) return undefined;
    try {
      const content = inflateRawSync(Buffer.concat([octets, TAIL]), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MAX_INFLATED,
        ...(this.#window.length > 0 && { dictionary: this.#window }),
      });
      if (this.#remembers) {
        const window = Buffer.concat([this.#window, content]);
        this.#window = Uint8Array.prototype.slice.call(window, -WINDOW);
      }
      return content;
    } catch {
      this.lose();
      return undefined;
    }
  }
}
