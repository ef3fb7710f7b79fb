/** What a server, or a proxy, says when it refuses: status, headers, and some of the body. */
import type { Clock } from '../connection/clock.ts';
import { HandshakeError, type HandshakeErrorCode } from '../errors.ts';
import { describeStatus } from '../handshake/http1-head.ts';
import { copyOf } from '../protocol/octets.ts';
import type { FinalHead } from './answer.ts';
import { withoutSecrets } from './url.ts';

/** Octets of the body that are kept. */
const MAX_BODY = 4096;

/** Milliseconds to wait for a body that does not end. */
const BODY_TIMEOUT = 1_000;

/** RFC 9110 §15.3.5 and §15.4.5; of 1xx none is final. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 304]);

const EMPTY: Uint8Array = new Uint8Array(0);

/** Where the body comes from: the octets behind the head, undefined at their end. */
export interface OctetSource {
  next(): Promise<Uint8Array | undefined>;
}

export async function readRefusal(
  stream: OctetSource,
  response: FinalHead,
  clock: Clock,
  code: HandshakeErrorCode = 'ERR_WS_STATUS',
): Promise<HandshakeError> {
  const { status, reason, headers } = response;
  const body = await readBody(stream, response, clock);
  const location = status >= 300 && status < 400 ? headers.get('location') : undefined;
  const detail =
    describeStatus(status, reason) +
    (location === undefined ? '' : ` to ${withoutSecrets(location)}`) +
    firstLine(body);
  return new HandshakeError(code, detail, { status, headers, body });
}

/** What a body of text says first, for the error's message. */
function firstLine(body: Uint8Array): string {
  const [line = ''] = Buffer.from(body)
    .toString()
    .split(/[\r\n]/u, 1);
  return /^[\P{C}]{1,200}$/u.test(line) && !line.startsWith('<') ? `: ${line}` : '';
}

/** RFC 9112 §6.3: the body, if any, by its length, by chunks, or up to the end of the transport. */
async function readBody(
  stream: OctetSource,
  { status, headers }: FinalHead,
  clock: Clock,
): Promise<Uint8Array> {
  // Item 1: whatever the headers say.
  if (WITHOUT_BODY.has(status)) return EMPTY;
  const isChunked = /chunked\s*$/iu.test(headers.get('transfer-encoding') ?? '');
  const announced = headers.get('content-length');
  const length = isChunked || announced === undefined ? Infinity : toLength(announced);
  const wanted = isChunked ? 2 * MAX_BODY : Math.min(MAX_BODY, length);
  const chunks: Uint8Array[] = [];
  let isLate = false;
  let wake: (() => void) | undefined;
  const late = new Promise<undefined>((resolve) => {
    wake = () => resolve(undefined);
  });
  const timer = clock.setTimer(BODY_TIMEOUT, () => {
    isLate = true;
    wake?.();
  });
  try {
    for (let size = 0; size < wanted && !isLate;) {
      const chunk = await Promise.race([stream.next(), late]);
      if (chunk === undefined) break;
      chunks.push(chunk);
      size += chunk.length;
      if (isChunked && unchunk(Buffer.concat(chunks)).isComplete) break;
    }
  } catch {
    // The refusal is what matters; a transport that fails behind it only shortens the body.
  } finally {
    timer.cancel();
  }
  const received = Buffer.concat(chunks);
  const body = isChunked ? unchunk(received).data : received;
  return copyOf(body, 0, Math.min(body.length, MAX_BODY, length));
}

/** RFC 9110 §8.6: digits. What is no length announces nothing that could be read. */
function toLength(announced: string): number {
  return /^[0-9]+$/u.test(announced) ? Number(announced) : 0;
}

/** RFC 9112 §7.1: the data of the chunks that are there, whole or in part; the last has the size 0. */
function unchunk(body: Buffer): { readonly data: Buffer; readonly isComplete: boolean } {
  const parts: Buffer[] = [];
  let isComplete = false;
  for (let at = 0; at < body.length && !isComplete;) {
    const lineEnd = body.indexOf('\r\n', at);
    if (lineEnd < 0) break;
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    // Nor does anything follow what is no size.
    isComplete = !(size > 0);
    const start = lineEnd + 2;
    if (!isComplete) parts.push(body.subarray(start, start + size));
    at = start + size + 2;
  }
  return { data: Buffer.concat(parts), isComplete };
}
