/** Values of a configuration, as they are written in YAML, and on the command line in the same way. */
import { z } from 'zod';

/** Milliseconds, each. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const DURATION = /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|m|h)?$/u;

/** Milliseconds, from `30s`, `500ms`, `5m`, `1h`, or a number of seconds. */
export function readDuration(value: unknown): number | undefined {
  const [, digits, unit = 's'] = DURATION.exec(textOf(value)) ?? [];
  const milliseconds = Math.round(Number(digits) * (UNITS[unit] ?? NaN));
  return milliseconds > 0 ? milliseconds : undefined;
}

const SIZES: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Octets, from `65536`, `64k`, `16M`, `1G`. */
export function readSize(value: unknown): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,15})([kmg]?)$/u.exec(textOf(value).toLowerCase()) ?? [];
  const size = Number(digits) * (SIZES[unit] ?? NaN);
  return size > 0 && Number.isSafeInteger(size) ? size : undefined;
}

/** Milliseconds since 1970, from `2027-01-31` or `2027-01-31T12:00:00Z`. */
export function readDate(value: unknown): number | undefined {
  const text = textOf(value);
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2}))?$/u.test(text);
  const time = isDate ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

type Read<Value> = (value: unknown) => Value | undefined;

function readAs<Value>(read: Read<Value>, reason: string): z.ZodType<Value> {
  return z.unknown().transform((value, context) => {
    const found = read(value);
    if (found !== undefined) return found;
    context.addIssue({ code: 'custom', message: reason });
    return z.NEVER;
  });
}

const PORT_REASON = 'has to be a port, a number from 0 to 65535';

export const duration: z.ZodType<number> = readAs(
  readDuration,
  'has to be a time above 0, such as 30s, 500ms, 5m or a number of seconds',
);
export const size: z.ZodType<number> = readAs(
  readSize,
  'has to be a number of octets above 0, such as 65536, 64k or 16M',
);
export const date: z.ZodType<number> = readAs(
  readDate,
  'has to be a date, such as 2027-01-31 or 2027-01-31T12:00:00Z',
);
export const port: z.ZodType<number> = z
  .int(PORT_REASON)
  .min(0, PORT_REASON)
  .max(65_535, PORT_REASON);
export const count: z.ZodType<number> = z
  .int('has to be a whole number above 0')
  .min(1, 'has to be a whole number above 0');
export const rate: z.ZodType<number> = z
  .number('has to be a number above 0')
  .positive('has to be a number above 0');
export const text: z.ZodType<string> = z.string().min(1, 'must not be empty');

/** One, or several: `name: app`, `name: [app, api]`. */
export const texts: z.ZodType<readonly string[]> = z
  .union([text, z.array(text)], 'has to be a text, or a list of texts')
  .transform((value) => (typeof value === 'string' ? [value] : value));
