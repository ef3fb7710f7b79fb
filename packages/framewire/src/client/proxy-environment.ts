/**
 * The proxy that the environment names, by the conventions that curl, Go's `httpproxy` and the npm
 * package `proxy-from-env` have in common.
 *
 * `wss:` goes by `wss_proxy`, `https_proxy`, `all_proxy`, and `ws:` by `ws_proxy`, `http_proxy`,
 * `all_proxy`; the first that is set wins, and of each the lower-case name before the upper-case one.
 * Those for WebSockets come first, in either case, as with curl and the Python package `websockets`:
 * whoever sets them means this kind of client.
 * `no_proxy` lists what is reached without: `*` for all, or, separated by commas or spaces,
 * - `example.com`: the name and all names below it;
 * - `.example.com` and `*.example.com`: the names below it, as in Go (curl adds the name);
 * - `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`: an address;
 * - `192.0.2.0/24`, `2001:db8::/32`: a range of addresses, which names are not resolved for;
 * - any of them but a range with `:port` behind it: that port only.
 * Nothing is reached without a proxy unless it is listed: `localhost` is not an exception, as with
 * curl and unlike Go.
 */
import { domainToASCII } from 'node:url';
import { addressOctets, sharesPrefix } from './ip-address.ts';

export interface ProxiedDestination {
  readonly isSecure: boolean;
  /** IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy as it is written in the environment; undefined to go without. */
export function proxyFromEnvironment(
  destination: ProxiedDestination,
  environment: Environment,
): string | undefined {
  const exceptions = read(environment, 'no_proxy') ?? '';
  if (isExcepted(destination, exceptions)) return undefined;
  const schemes = destination.isSecure ? ['wss', 'https', 'all'] : ['ws', 'http', 'all'];
  for (const scheme of schemes) {
    const proxy = read(environment, `${scheme}_proxy`);
    if (proxy !== undefined) return proxy;
  }
  return undefined;
}

/** The value under the lower-case name or else the upper-case one; an empty one counts as unset. */
function read(environment: Environment, name: string): string | undefined {
  return [name, name.toUpperCase()]
    .filter((name) => !isRequestHeader(environment, name))
    .map((name) => environment[name]?.trim())
    .find((value) => value !== undefined && value !== '');
}

/**
 * To a CGI program (RFC 3875 §4.1.18) HTTP_PROXY is the header `Proxy` of the request, which
 * anybody can send. Where names have no case, as on Windows, http_proxy is the same variable.
 */
function isRequestHeader(environment: Environment, name: string): boolean {
  if (environment['REQUEST_METHOD'] === undefined) return false;
  const isCaseless = environment['request_method'] !== undefined;
  return (isCaseless ? name.toUpperCase() : name) === 'HTTP_PROXY';
}

function isExcepted(destination: ProxiedDestination, exceptions: string): boolean {
  const hostname = destination.hostname.toLowerCase().replace(/\.$/u, '');
  const address = addressOctets(hostname);
  return exceptions
    .toLowerCase()
    .split(/[\s,]+/u)
    .some((entry) => {
      if (entry === '*') return true;
      if (entry.includes('/')) return address !== undefined && isInRange(address, entry);
      const { host, port } = splitPort(entry);
      if (port !== undefined && port !== destination.port) return false;
      return address === undefined ? matchesName(hostname, host) : isAddress(address, host);
    });
}

/** `host:port`; a colon of an IPv6 address separates no port unless the address is in brackets. */
function splitPort(entry: string): { readonly host: string; readonly port: number | undefined } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::([0-9]+))?$/u.exec(entry) ?? [];
  const host = bracketed ?? plain ?? entry;
  return { host, port: port === undefined ? undefined : Number(port) };
}

/** An address is no name: what it ends in means nothing. */
function isAddress(address: Uint8Array, host: string): boolean {
  const other = addressOctets(host);
  return other !== undefined && sharesPrefix(address, other, 8 * address.length);
}

/** RFC 4632 §3.1, RFC 4291 §2.3. */
function isInRange(address: Uint8Array, range: string): boolean {
  const [, start = '', bits = ''] = /^([^/]+)\/([0-9]{1,3})$/u.exec(range) ?? [];
  const octets = addressOctets(start);
  if (octets === undefined || Number(bits) > 8 * octets.length) return false;
  return sharesPrefix(address, octets, Number(bits));
}

function matchesName(hostname: string, entry: string): boolean {
  const [, wildcard = '', text = ''] = /^(\*?\.)?(.*?)\.?$/u.exec(entry) ?? [];
  // Host names of URLs are in ASCII already (RFC 5891 §4.4).
  const name = domainToASCII(text);
  if (name === '') return false;
  return hostname.endsWith(`.${name}`) || (wildcard === '' && hostname === name);
}
