/** The first octets of a stream say what follows them: a length in two octets, and JSON. */
import type { Duplex } from 'node:stream';
import { TunnelError } from './errors.ts';

export interface Preamble {
  /** HTTP/1.1, request after request; or octets of any kind. */
  readonly kind: 'http' | 'tcp';
  /** The name the caller has asked for. */
  readonly name: string;
  /** Who the caller of a `tcp` stream is; in HTTP the headers say it. */
  readonly caller?: string | undefined;
}

/** Octets of JSON. */
const LONGEST = 4096;

const LENGTH_OCTETS = 2;

export function encodePreamble(preamble: Preamble): Buffer {
  const json = Buffer.from(JSON.stringify(preamble));
  const octets = Buffer.allocUnsafe(LENGTH_OCTETS + json.length);
  octets.writeUInt16BE(json.length);
  json.copy(octets, LENGTH_OCTETS);
  return octets;
}

/**
 * Reads it from a stream that nobody reads yet, and leaves the octets behind it where they are. Calls
 * back with an error for what is no preamble, or when the stream ends or fails before.
 */
export function readPreamble(
  stream: Duplex,
  done: (preamble: Preamble | TunnelError) => void,
): void {
  let held: Buffer = Buffer.alloc(0);
  const settle = (result: Preamble | TunnelError): void => {
    stream.off('readable', read).off('end', ended).off('error', ended).off('close', ended);
    done(result);
  };
  const ended = (): void => settle(new TunnelError('ERR_TUNNEL_PREAMBLE', 'it ended early'));
  const read = (): void => {
    for (;;) {
      const chunk = stream.read() as Buffer | null;
      if (chunk === null) return;
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const result = decodePreamble(held);
      if (result === undefined) continue;
      if (!(result instanceof TunnelError)) {
        const rest = held.subarray(result.length);
        if (rest.length > 0) stream.unshift(rest);
      }
      settle(result instanceof TunnelError ? result : result.preamble);
      return;
    }
  };
  stream.on('readable', read).on('end', ended).on('error', ended).on('close', ended);
}

interface Decoded {
  readonly preamble: Preamble;
  /** Octets it took. */
  readonly length: number;
}

/** Undefined while there is too little of it. */
export function decodePreamble(octets: Buffer): Decoded | TunnelError | undefined {
  if (octets.length < LENGTH_OCTETS) return undefined;
  const length = LENGTH_OCTETS + octets.readUInt16BE();
  if (length > LENGTH_OCTETS + LONGEST) return new TunnelError('ERR_TUNNEL_PREAMBLE', 'too long');
  if (octets.length < length) return undefined;
  const preamble = parse(octets.toString('utf8', LENGTH_OCTETS, length));
  return preamble === undefined
    ? new TunnelError('ERR_TUNNEL_PREAMBLE', 'no kind that is known')
    : { preamble, length };
}

function parse(json: string): Preamble | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, name, caller } = value as Readonly<Record<string, unknown>>;
  if ((kind !== 'http' && kind !== 'tcp') || typeof name !== 'string') return undefined;
  return { kind, name, caller: typeof caller === 'string' ? caller : undefined };
}
