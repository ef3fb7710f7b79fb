/** What a tunnel exposes: a service at an address, or a function. */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { guardedLookup, isRefused, refusal } from '../addresses.ts';
import { invalidArgument } from '../errors.ts';
import { TargetSocket } from '../target-socket.ts';

/** Answers requests, as the handlers of Fetch API servers do. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

export type TargetOption = string | number | URL | FetchHandler;

/** A service somewhere. */
export interface AddressTarget {
  readonly kind: 'http' | 'tcp';
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** A unix socket in place of host and port. */
  readonly socketPath: string | undefined;
  /** As HTTP calls it: the Host header where it is rewritten. */
  readonly host: string;
  /** As it is shown. */
  readonly url: string;
}

export type Target = AddressTarget | { readonly kind: 'handler'; readonly handler: FetchHandler };

const SCHEMES: ReadonlyMap<string, { kind: 'http' | 'tcp'; isSecure: boolean; port: number }> =
  new Map([
    ['http:', { kind: 'http', isSecure: false, port: 80 }],
    ['https:', { kind: 'http', isSecure: true, port: 443 }],
    ['tcp:', { kind: 'tcp', isSecure: false, port: 0 }],
    ['tls:', { kind: 'tcp', isSecure: true, port: 0 }],
    ['unix:', { kind: 'http', isSecure: false, port: 0 }],
  ]);

/** A `TypeError` for what cannot be exposed. `3000` and `localhost:3000` are `http:` ones. */
export function parseTarget(option: TargetOption): Target {
  if (typeof option === 'function') return { kind: 'handler', handler: option };
  const url = toUrl(String(option));
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) throw invalidArgument(`the target has the scheme ${url.protocol}`);
  if (url.protocol === 'unix:') return unixTarget(url);
  const port = url.port === '' ? scheme.port : Number(url.port);
  if (url.hostname === '' || port === 0) throw invalidArgument('the target has no host and port');
  if (url.username !== '' || url.password !== '') {
    throw invalidArgument('the target has user information, which callers have to send');
  }
  if (!/^\/?$/u.test(url.pathname) || url.search !== '' || url.hash !== '') {
    throw invalidArgument('the target has a path: callers ask for their own');
  }
  const hostname = url.hostname.replace(/^\[(.*)\]$/u, '$1');
  const { kind, isSecure } = scheme;
  const shown = `${url.protocol}//${url.host}`;
  return { kind, isSecure, hostname, port, socketPath: undefined, host: url.host, url: shown };
}

function toUrl(text: string): URL {
  const whole = /^\d+$/u.test(text) ? `localhost:${text}` : text;
  try {
    return new URL(/^[a-z][a-z0-9+.-]*:\//iu.test(whole) ? whole : `http://${whole}`);
  } catch {
    // Not shown, and without the cause, which shows it: there may be a password in it.
    throw invalidArgument('the target is no URL');
  }
}

/** `unix:/run/app.sock`. */
function unixTarget({ pathname }: URL): AddressTarget {
  const socketPath = decodeURIComponent(pathname);
  return {
    kind: 'http',
    isSecure: false,
    hostname: 'localhost',
    port: 0,
    socketPath,
    host: 'localhost',
    url: `unix:${socketPath}`,
  };
}

export interface DialTargetOptions {
  readonly tls?: tls.ConnectionOptions | undefined;
  /** Link-local addresses too, where clouds have their metadata. */
  readonly allowLinkLocal?: boolean | undefined;
}

/**
 * Begins to connect; errors are the stream's own. One that is half open goes on sending after the
 * target has ended its side.
 */
export function dialTarget(
  target: AddressTarget,
  options: DialTargetOptions,
  allowHalfOpen: boolean,
): Duplex {
  const { hostname, port, socketPath, isSecure } = target;
  const socket = new TargetSocket({ allowHalfOpen });
  if (socketPath !== undefined) return socket.connect({ path: socketPath });
  const isGuarded = options.allowLinkLocal !== true;
  // A name is looked up by `connect`, an address is not.
  const isBad = isGuarded && net.isIP(hostname) !== 0 && isRefused(hostname);
  if (isBad) socket.destroy(refusal(hostname, hostname));
  else {
    const lookup = isGuarded ? { lookup: guardedLookup } : {};
    socket.setNoDelay().connect({ host: hostname, port, ...lookup });
  }
  if (!isSecure) return socket;
  return tls.connect({
    ...(net.isIP(hostname) === 0 && { servername: hostname }),
    ALPNProtocols: ['http/1.1'],
    ...options.tls,
    socket,
  });
}
