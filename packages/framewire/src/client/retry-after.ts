/** RFC 9110 §10.2.3 — when a server that refuses wants to be asked again. */
import { HandshakeError } from '../errors.ts';

/** Milliseconds that a server can make a client wait, lest one answer silences it for ever. */
const LONGEST = 10 * 60 * 1000;

/** 503 (RFC 9110 §15.6.4) and 429 (RFC 6585 §4) say that it is a matter of time. */
const STATUSES: ReadonlySet<number | undefined> = new Set([429, 503]);

const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const TIME = '[0-9]{2}:[0-9]{2}:[0-9]{2}';

/** RFC 9110 §5.6.7: what senders write, and the two obsolete formats recipients have to read. */
const DATES: readonly RegExp[] = [
  new RegExp(`^${DAY}, [0-9]{2} ${MONTH} [0-9]{4} ${TIME} GMT$`, 'u'),
  new RegExp(`^${DAY}[a-z]{3,6}, [0-9]{2}-${MONTH}-[0-9]{2} ${TIME} GMT$`, 'u'),
  new RegExp(`^${DAY} ${MONTH} [0-9 ][0-9] ${TIME} [0-9]{4}$`, 'u'),
];

/**
 * Milliseconds that the server asks to wait at least: 0 without a Retry-After, 10 minutes at most.
 * A date is compared with the server's own Date, where it sent one, since clocks differ.
 */
export function retryAfter(error: Error | undefined, now: number = Date.now()): number {
  if (!HandshakeError.isInstance(error) || !STATUSES.has(error.status)) return 0;
  const value = error.headers?.get('retry-after') ?? '';
  if (/^[0-9]+$/u.test(value)) return Math.min(Number(value) * 1000, LONGEST);
  const date = parseDate(value);
  if (date === undefined) return 0;
  const since = parseDate(error.headers?.get('date') ?? '') ?? now;
  return Math.min(Math.max(date - since, 0), LONGEST);
}

/** Milliseconds since 1970. */
function parseDate(value: string): number | undefined {
  if (!DATES.some((format) => format.test(value))) return undefined;
  const date = Date.parse(value.endsWith('GMT') ? value : `${value} GMT`);
  return Number.isNaN(date) ? undefined : date;
}
