/** RFC 9110 §7.2 — the host that a request is for, in one spelling. */
import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { TunnelError } from '../errors.ts';

export interface Authority {
  /** In lower case and A-labels, without a trailing dot; IPv6 without brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

/** RFC 3986 §3.2.2, without the characters that no host of ours has. */
const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s/?#@:[\]\\%,"<>^`{|}]+))(?::([0-9]{0,5}))?$/;

/** A label, as names of tunnels are (RFC 1123 §2.1; an underscore is common, and does no harm). */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

const MAX_HOST = 253;

/** Undefined for what is no host, or a port beyond 65 535. */
export function parseAuthority(text: string): Authority | undefined {
  const match = AUTHORITY.exec(text);
  if (match === null) return undefined;
  const [, literal, name = '', digits = ''] = match;
  const port = digits === '' ? undefined : Number(digits);
  if (port !== undefined && port > 65_535) return undefined;
  if (literal !== undefined) {
    return isIPv6(literal) ? { host: literal.toLowerCase(), port } : undefined;
  }
  const host = canonicalHost(name);
  return host === undefined ? undefined : { host, port };
}

/** The one spelling of a name: `Bücher.Example.` is `xn--bcher-kva.example`. */
export function canonicalHost(name: string): string | undefined {
  if (isIPv4(name)) return name;
  let host = name.toLowerCase();
  if (host.endsWith('.')) host = host.slice(0, -1);
  if (host.length > MAX_HOST) return undefined;
  if (host.split('.').every((label) => LABEL.test(label))) return host;
  // IDNA (UTS 46) for the rest; "" is what it makes of no name.
  const ascii = domainToASCII(host);
  return ascii !== '' && ascii.split('.').every((label) => LABEL.test(label)) ? ascii : undefined;
}

/** Whether it can be a name below a domain. */
export function isLabel(text: string): boolean {
  return LABEL.test(text);
}

export interface HostedRequest {
  /** The request target, as it was sent. */
  readonly url?: string | undefined;
  readonly rawHeaders: readonly string[];
}

export interface Target extends Authority {
  /** As it was said, for a Host that is passed on; the empty string for HTTP/1.0 without one. */
  readonly authority: string;
  /** In origin-form, or `*`. */
  readonly path: string;
}

const ABSOLUTE_FORM = /^(?:https?|wss?):\/\/([^/?]*)/i;

/**
 * Whom and what a request asks for (RFC 9112 §3.2): a TunnelError (400) for several hosts, none that
 * is one, or a target that is neither a path, nor a URL, nor `*`. No Host at all is the host "".
 */
export function targetOf({ url = '', rawHeaders }: HostedRequest): Target | TunnelError {
  const named = hostField(rawHeaders);
  if (named instanceof TunnelError) return named;
  if (url.includes('#')) return invalid('its target has a fragment');
  if (url.startsWith('/') || url === '*') return withAuthority(named ?? '', url);
  const match = ABSOLUTE_FORM.exec(url);
  if (match === null) return invalid('its target is neither a path nor a URL');
  const [beginning, authority = ''] = match;
  if (authority === '') return invalid('its target has no host');
  const rest = url.slice(beginning.length);
  // RFC 9112 §3.2.2: the host of the target stands above the header.
  return withAuthority(authority, rest.startsWith('/') ? rest : `/${rest}`);
}

function withAuthority(authority: string, path: string): Target | TunnelError {
  if (authority === '') return { authority, host: '', port: undefined, path };
  const parsed = known.get(authority) ?? parseAndKeep(authority);
  if (parsed === undefined) return invalid('its host is none');
  return { host: parsed.host, port: parsed.port, authority, path };
}

/** The same few are asked for again and again. They are forgotten, all at once, when there are too many. */
const known = new Map<string, Authority>();

const MOST_KNOWN = 1000;

/** Host and port; what is longer is not kept. */
const LONGEST_KNOWN = MAX_HOST + 6;

function parseAndKeep(authority: string): Authority | undefined {
  const text = /[^\0-\x7f]/.test(authority) ? fromUtf8(authority) : authority;
  const parsed = parseAuthority(text);
  if (parsed !== undefined && authority.length <= LONGEST_KNOWN) {
    if (known.size === MOST_KNOWN) known.clear();
    known.set(authority, parsed);
  }
  return parsed;
}

/** RFC 9112 §3.2: more than one Host is refused; a repeated one of HTTP/2 must say the same. */
function hostField(raw: readonly string[]): string | undefined | TunnelError {
  let found: string | undefined;
  let pseudo: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    if (name === ':authority') pseudo = raw[index + 1]!;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (found !== undefined) return invalid('it has several Host fields');
    found = raw[index + 1]!;
  }
  if (pseudo === undefined || found === undefined) return pseudo ?? found;
  // RFC 9113 §8.3.1
  return pseudo === found ? pseudo : invalid('its Host and :authority differ');
}

/** Node reads heads as latin1; whoever sends a name that is no ASCII sends UTF-8. */
function fromUtf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

function invalid(detail: string): TunnelError {
  return new TunnelError('ERR_TUNNEL_BAD_REQUEST', detail);
}
