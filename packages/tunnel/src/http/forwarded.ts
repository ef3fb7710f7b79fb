/** Who asked, for the target to know: `X-Forwarded-*`, and `Forwarded` (RFC 7239). */
import { isIPv6 } from 'node:net';
import type { Fields } from './hop-by-hop.ts';

/** What the relay knows about whoever calls it. */
export interface Caller {
  /** Of the socket, such as `::ffff:192.0.2.1`; undefined where there is none, as on a unix socket. */
  readonly address: string | undefined;
  readonly isSecure: boolean;
  /** The host, perhaps with a port, that was asked for. */
  readonly host: string | undefined;
  /** The port of the relay that was asked. */
  readonly port: number | undefined;
}

export interface ForwardedOptions {
  /**
   * Whether whoever connects to the relay is a proxy that can be believed. Then what it says is
   * kept and its own address appended; otherwise all of it goes, whoever sent it. Default false.
   */
  readonly isTrusted?: boolean;
  /** Whether `Forwarded` is sent as well. Default false. */
  readonly sendsForwarded?: boolean;
  /** The path prefix that was taken off, for `X-Forwarded-Prefix`. Default none. */
  readonly prefix?: string;
}

/** The fields of a request with those about the caller instead of whatever claimed to be that. */
export function withForwarded(
  fields: readonly string[],
  caller: Caller,
  options: ForwardedOptions = {},
): Fields {
  const { isTrusted = false, sendsForwarded = false, prefix } = options;
  let earlier: Map<string, string> | undefined;
  const result: Fields = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = fields[index + 1]!;
    const canonical = canonicalClaim(name);
    if (canonical === undefined) result.push(name, value);
    else if (isTrusted && !name.includes('_')) {
      earlier ??= new Map();
      const before = earlier.get(canonical);
      earlier.set(canonical, before === undefined ? value : `${before}, ${value}`);
    }
  }
  const address = plainAddress(caller.address);
  const scheme = caller.isSecure ? 'https' : 'http';
  if (address !== undefined) add(result, 'X-Forwarded-For', earlier, address);
  set(result, 'X-Forwarded-Host', earlier, caller.host);
  set(result, 'X-Forwarded-Proto', earlier, scheme);
  set(result, 'X-Forwarded-Port', earlier, caller.port?.toString());
  set(result, 'X-Forwarded-Prefix', earlier, prefix);
  set(result, 'X-Real-IP', earlier, undefined);
  const passesForwarded = sendsForwarded || earlier?.has('forwarded') === true;
  if (passesForwarded) add(result, 'Forwarded', earlier, element(address, caller.host, scheme));
  return result;
}

/**
 * The address of a dual-stack socket as what it is: IPv4. Without the brackets and the port that some
 * proxies put around it. What is no address stays as it is: to skip it would be to believe another.
 */
export function plainAddress(address: string | undefined): string | undefined {
  if (address === undefined || address === '') return undefined;
  const bare = WITH_PORT.exec(address);
  const text = (bare?.[1] ?? bare?.[2] ?? address).replace(/%.*$/, '');
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1] ?? text;
}

const WITH_PORT = /^(?:\[([^\]]*)\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+):\d{1,5})$/;

/** Servers of CGI's kind make `_` of `-`, so that `X_Forwarded_For` is the same claim to them. */
function canonicalClaim(name: string): string | undefined {
  const first = name.charCodeAt(0) | 0x20;
  if (first !== 0x78 && first !== 0x66) return undefined;
  const lower = name.toLowerCase().replaceAll('_', '-');
  const isClaim =
    lower === 'forwarded' || lower === 'x-real-ip' || lower.startsWith('x-forwarded-');
  return isClaim ? lower : undefined;
}

function add(
  fields: Fields,
  name: string,
  earlier: ReadonlyMap<string, string> | undefined,
  value: string,
): void {
  const before = earlier?.get(name.toLowerCase());
  fields.push(name, before === undefined ? value : `${before}, ${value}`);
}

/** What the proxy in front said, which was nearer to the caller, or else what is seen here. */
function set(
  fields: Fields,
  name: string,
  earlier: ReadonlyMap<string, string> | undefined,
  value: string | undefined,
): void {
  const chosen = earlier?.get(name.toLowerCase()) ?? value;
  if (chosen !== undefined) fields.push(name, chosen);
}

/** RFC 7239 §4 */
function element(address: string | undefined, host: string | undefined, scheme: string): string {
  const node = address === undefined ? 'unknown' : isIPv6(address) ? `"[${address}]"` : address;
  const pairs = [`for=${node}`];
  // §4: a colon, or anything else that no token has, wants quotes.
  if (host !== undefined) pairs.push(`host="${host.replaceAll(/["\\]/g, '\\$&')}"`);
  pairs.push(`proto=${scheme}`);
  return pairs.join(';');
}
