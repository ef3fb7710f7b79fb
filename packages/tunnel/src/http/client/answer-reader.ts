/**
 * RFC 9112 — the answer to one request, in any slicing. Strict where two readers could disagree
 * (§11.1): lines end in CRLF, nothing is folded, nothing stands before a colon, one thing says the length.
 */
import { TunnelError } from '../../errors.ts';
import { framingOf, type Fields, type Framing } from '../hop-by-hop.ts';
import { FIELD_NAME, FIELD_VALUE } from './field-syntax.ts';
import { Gathered } from './gathered.ts';

/** The head of an answer as it came; the fields are names and values in turn. */
export interface ReadHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
}

export interface AnswerSink {
  /** RFC 9110 §15.2: another head follows. */
  onInterim(head: ReadHead): void;
  /** The one head that counts. */
  onHead(head: ReadHead, framing: Framing): void;
  /** A view of what was pushed. */
  onContent(chunk: Buffer): void;
  /** Behind the last octets at once, where a length or chunks say which they are. */
  onEnd(trailers: Fields): void;
}

/** Octets of the head of an answer, and of its trailers; more is refused. */
export const MAX_ANSWER_HEAD: number = 128 * 1024;

/** Octets of a line that says the length of a chunk, of which all but a few are extensions. */
const MAX_CHUNK_LINE = 1024;

const HEAD_END = '\r\n\r\n';
const LINE_END = '\r\n';
const LF = 0x0a;
const CR = 0x0d;

/** How every head begins. */
const START = Buffer.from('HTTP/1.');

/** §4: a reason that many leave out, with its space. A minor version above 1 is read as 1 (RFC 9110 §2.5). */
const STATUS_LINE = /^HTTP\/1\.([0-9]) ([1-9][0-9]{2})(?: ([^\r\n]*))?$/;

/** §7.1.1: names, and values that may be quoted; none is known, and all are dropped. */
const EXTENSIONS =
  /(?:;[!#$%&'*+\-.^_`|~0-9a-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9a-z]+|"(?:[^"\\\0-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\xff])*"))?)*/;

/** §7.1: more digits than these are no length. */
const CHUNK_LINE = new RegExp(`^0*([0-9a-f]{1,13})${EXTENSIONS.source}\r\n$`, 'i');

type State =
  | 'head'
  | 'length'
  | 'toEnd'
  | 'chunkLine'
  | 'chunk'
  | 'chunkEnd'
  | 'trailers'
  | 'done'
  | 'stopped';

export class AnswerReader {
  readonly #sink: AnswerSink;
  readonly #isHead: boolean;
  #state: State = 'head';
  /** A head, or a line, that was cut. */
  readonly #begun = new Gathered();
  /** Octets of the content, or of a chunk, that have not come. */
  #missing = 0;
  #trailers: Fields = [];
  #trailerOctets = 0;
  #persists = false;
  #keepAlive: number | undefined;
  #switched: ReadHead | undefined;

  /** `method` is that of the request: an answer to HEAD has no content (§6.3). */
  constructor(method: string, sink: AnswerSink) {
    this.#isHead = method === 'HEAD';
    this.#sink = sink;
  }

  /** The answer is complete, and nothing of it follows. */
  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** RFC 9110 §15.2.2: the head of a 101, which is told by this alone. What follows it is not HTTP. */
  get switched(): ReadHead | undefined {
    return this.#switched;
  }

  /** §9.3: after it the connection may be used for another request. */
  get persists(): boolean {
    return this.#persists;
  }

  /** Milliseconds for which the other side says to wait for another request; undefined if it does not. */
  get keepAlive(): number | undefined {
    return this.#keepAlive;
  }

  /** How many octets belonged to the answer: less than there are if it is done. Throws a `TunnelError`. */
  push(octets: Buffer): number {
    let at = 0;
    while (at < octets.length && !this.isDone && !this.#isStopped) {
      at = this.#read(octets, at);
    }
    return at;
  }

  /** The connection has ended; whether that is the end of the answer. */
  end(): boolean {
    if (this.#state === 'toEnd') this.#finish();
    return this.#state === 'done';
  }

  /** Nothing more is told: within a call to the sink, too. */
  stop(): void {
    this.#state = 'stopped';
    this.#begun.clear();
  }

  #read(octets: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(octets, at);
      case 'length':
      case 'chunk':
        return this.#readContent(octets, at);
      case 'toEnd':
        this.#sink.onContent(at === 0 ? octets : octets.subarray(at));
        return octets.length;
      case 'chunkLine':
        return this.#readLine(octets, at, MAX_CHUNK_LINE, (line) => this.#onChunkLine(line));
      case 'chunkEnd':
        return this.#readLine(octets, at, LINE_END.length, (line) => {
          if (line !== LINE_END) throw malformed('a chunk is longer than it says');
          this.#state = 'chunkLine';
        });
      default:
        return this.#readLine(octets, at, MAX_ANSWER_HEAD, (line) => this.#onTrailer(line));
    }
  }

  #readHead(octets: Buffer, from: number): number {
    const before = this.#begun.length;
    // As a server does it (§2.2): some send an empty line behind content that it is no part of.
    const at = before === 0 ? afterLineEnds(octets, from) : from;
    const all = this.#begun.with(octets.subarray(at));
    // The blank line may be cut, too.
    const known = Math.max(0, before - HEAD_END.length + 1);
    const end = all.indexOf(HEAD_END, known, 'latin1');
    const length = end < 0 ? all.length : end + HEAD_END.length;
    if (length > MAX_ANSWER_HEAD) throw malformed(`a head of more than ${MAX_ANSWER_HEAD} octets`);
    if (end < 0) {
      refuseEarly(all, before);
      this.#begun.keep(all);
      return octets.length;
    }
    this.#begun.clear();
    this.#onHead(all.toString('latin1', 0, end));
    return at + length - before;
  }

  #onHead(text: string): void {
    const { minor, head } = parseHead(text);
    const { status, fields } = head;
    if (status === 101) {
      this.#switched = head;
      this.#state = 'done';
      return;
    }
    if (status < 200) {
      // RFC 9110 §15.2: HTTP/1.0 has none.
      if (minor === 0) throw malformed(`a ${status} of HTTP/1.0`);
      this.#sink.onInterim(head);
      return;
    }
    const framing = framingOf(fields, 'ERR_TUNNEL_BAD_RESPONSE');
    if (framing instanceof TunnelError) throw framing;
    const { isChunked, length } = framing;
    const isEmpty = this.#isHead || status === 204 || status === 304 || length === 0;
    const { stays, timeout } = keepAliveOf(fields, minor);
    const isDelimited = isEmpty || isChunked || length !== undefined;
    // §6.1: of HTTP/1.0 chunks are read, but what follows them is not trusted.
    this.#persists = stays && isDelimited && !(isChunked && minor === 0);
    this.#keepAlive = timeout;
    this.#missing = length ?? 0;
    if (!isEmpty && isChunked) this.#state = 'chunkLine';
    else this.#state = isEmpty || length !== undefined ? 'length' : 'toEnd';
    this.#sink.onHead(head, framing);
    if (isEmpty && !this.#isStopped) this.#finish();
  }

  #readContent(octets: Buffer, at: number): number {
    const end = Math.min(octets.length, at + this.#missing);
    this.#missing -= end - at;
    const isLast = this.#missing === 0;
    const isChunk = this.#state === 'chunk';
    if (isLast && isChunk) this.#state = 'chunkEnd';
    this.#sink.onContent(octets.subarray(at, end));
    if (isLast && !isChunk && !this.#isStopped) this.#finish();
    return end;
  }

  #onChunkLine(line: string): void {
    const digits = CHUNK_LINE.exec(line)?.[1];
    const length = digits === undefined ? NaN : Number.parseInt(digits, 16);
    if (!Number.isSafeInteger(length)) throw malformed('the length of a chunk is none');
    this.#missing = length;
    this.#state = length === 0 ? 'trailers' : 'chunk';
  }

  #onTrailer(line: string): void {
    this.#trailerOctets += line.length;
    if (this.#trailerOctets > MAX_ANSWER_HEAD) throw malformed('too many trailers');
    if (!line.endsWith(LINE_END)) throw malformed('a LF stands alone');
    if (line === LINE_END) this.#finish();
    else readField(line, 0, line.length - LINE_END.length, this.#trailers);
  }

  get #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  #finish(): void {
    this.#state = 'done';
    this.#sink.onEnd(this.#trailers);
  }

  /** A line with its end, of so many octets at most. */
  #readLine(octets: Buffer, at: number, most: number, onLine: (line: string) => void): number {
    const lineFeed = octets.indexOf(LF, at);
    const end = lineFeed < 0 ? octets.length : lineFeed + 1;
    if (this.#begun.length + end - at > most) throw malformed('a line is too long');
    const line = this.#begun.with(octets.subarray(at, end));
    if (lineFeed < 0) this.#begun.keep(line);
    else {
      this.#begun.clear();
      onLine(line.toString('latin1'));
    }
    return end;
  }
}

function afterLineEnds(octets: Buffer, from: number): number {
  let at = from;
  while (octets[at] === CR || octets[at] === LF) at++;
  return at;
}

/** What can become no head is not waited for: it may be an answer of another protocol. */
function refuseEarly(all: Buffer, before: number): void {
  const length = Math.min(all.length, START.length);
  if (START.compare(all, 0, length, 0, length) !== 0) throw malformed('its status line is none');
  for (let at = all.indexOf(LF, before); at >= 0; at = all.indexOf(LF, at + 1)) {
    if (all[at - 1] !== CR) throw malformed('a LF stands alone');
  }
}

function malformed(detail: string): TunnelError {
  return new TunnelError('ERR_TUNNEL_BAD_RESPONSE', detail);
}

/** `text` is the head without the blank line. */
function parseHead(text: string): { readonly minor: number; readonly head: ReadHead } {
  const startEnd = text.indexOf(LINE_END);
  const startLine = startEnd < 0 ? text : text.slice(0, startEnd);
  const [line, minor, status, reason = ''] = STATUS_LINE.exec(startLine) ?? [];
  if (line === undefined || !FIELD_VALUE.test(reason)) throw malformed('its status line is none');
  const fields: Fields = [];
  for (let at = startEnd; at >= 0;) {
    const start = at + LINE_END.length;
    at = text.indexOf(LINE_END, start);
    readField(text, start, at < 0 ? text.length : at, fields);
  }
  return { minor: Number(minor), head: { status: Number(status), reason, fields } };
}

/** §5: a folded line begins with a space and one before the colon ends the name: neither leaves a name. */
function readField(text: string, start: number, end: number, fields: Fields): void {
  const colon = text.indexOf(':', start);
  const name = text.slice(start, colon);
  if (colon < 0 || colon > end || !FIELD_NAME.test(name))
    throw malformed('one of its fields has no name');
  let from = colon + 1;
  let to = end;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  const value = text.slice(from, to);
  if (!FIELD_VALUE.test(value)) throw malformed(`its field ${name}`);
  fields.push(name, value);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

interface KeepAlive {
  readonly stays: boolean;
  /** Milliseconds. */
  readonly timeout: number | undefined;
}

/** §9.3: HTTP/1.1 stays open unless it says `close`, HTTP/1.0 if it says `keep-alive`. */
function keepAliveOf(fields: Fields, minor: number): KeepAlive {
  let says = minor > 0;
  let closes = false;
  let timeout: number | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    if (name.length !== 10) continue;
    const lower = name.toLowerCase();
    const value = fields[index + 1]!;
    if (lower === 'connection') {
      const options = value.toLowerCase();
      closes ||= /(?:^|[\t ,])close(?:$|[\t ,])/.test(options);
      says ||= /(?:^|[\t ,])keep-alive(?:$|[\t ,])/.test(options);
    } else if (lower === 'keep-alive') {
      const seconds = /(?:^|[\t ,;])timeout=([0-9]{1,6})/i.exec(value)?.[1];
      if (seconds !== undefined) timeout = Number(seconds) * 1000;
    }
  }
  return { stays: says && !closes, timeout };
}
