/** Words for people: what went wrong in a tunnel, and what can be done about it. */
import type { TunnelError, TunnelErrorCode } from '@framewire/tunnel';
import { sanitizeLine } from '../sanitize.ts';

const ADVICE: Partial<Readonly<Record<TunnelErrorCode, string>>> = {
  ERR_TUNNEL_BAD_TOKEN:
    '--token, or FRAMEWIRE_TUNNEL_TOKEN, has to be one whose hash the relay has ("framewire tunnel token" makes both)',
  ERR_TUNNEL_NAME_TAKEN:
    'choose another --name, or stop the other agent; a name is shared by agents of one token unless one asks for --exclusive',
  ERR_TUNNEL_NAME_NOT_ALLOWED:
    'choose another --name, or have the relay allow it: "names" beside the hash of the token',
  ERR_TUNNEL_BAD_CERTIFICATE: '--cert and --key have to be of an authority that the relay trusts',
  ERR_TUNNEL_DRAINING: 'the relay is about to end; it will be tried again',
};

export function describeTunnelError(error: TunnelError): string {
  const advice = ADVICE[error.code];
  const what = sanitizeLine(error.message);
  return advice === undefined ? what : `${what}; ${advice}`;
}

/** A user in a URL, with a password perhaps, is nobody's business. */
export function withoutUser(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/iu, '$1');
}

/** `12 octets`, `3.4 kB`, `120 MB`. */
export function describeSize(octets: number): string {
  if (octets < 1000) return `${octets} B`;
  const power = Math.min(Math.floor(Math.log10(octets) / 3), 4);
  return `${(octets / 1000 ** power).toPrecision(3)} ${UNITS[power]}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

export function describeTime(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 10_000) return `${milliseconds.toFixed(0)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
