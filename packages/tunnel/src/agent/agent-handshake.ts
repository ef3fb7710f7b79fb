/** The opening handshake with the relay: what an agent says to be let in, and what it is told. */
import { randomUUID } from 'node:crypto';
import { HandshakeError } from 'framewire';
import {
  invalidArgument,
  TUNNEL_ERROR_CODES,
  TunnelError,
  type TunnelErrorCode,
} from '../errors.ts';
import {
  AGENT_HEADER,
  ERROR_HEADER,
  EXCLUSIVE_HEADER,
  HOST_HEADER,
  isName,
  NAMES_HEADER,
  REGISTER_PATH,
  STREAMS_HEADER,
} from '../registration.ts';
import type { TunnelOptions } from './open-tunnel.ts';
import { parseTarget } from './target.ts';

/** The scheme `http:` stands for `ws:`; without a path it is that of registrations. */
export function registerUrl(relay: string | URL): URL {
  const url = new URL(relay);
  if (url.pathname === '/') url.pathname = REGISTER_PATH;
  return url;
}

/** Asked for each connection. Throws a TypeError for a name, a host or a token that is none. */
export function headersOf(options: TunnelOptions): () => Promise<Record<string, string>> {
  const { token, exclusive = false, maxStreams = 1000 } = options;
  const host = hostOf(options);
  const names = typeof options.name === 'string' ? [options.name] : options.name;
  for (const name of names) {
    if (!isName(name.toLowerCase())) throw invalidArgument(`"${name}" is no name of a tunnel`);
  }
  const agent = randomUUID();
  return async () => {
    const shown = typeof token === 'function' ? await token() : token;
    if (shown !== undefined && !/^[\x21-\x7e]+$/u.test(shown)) {
      throw invalidArgument('the token is empty, or has characters that no token has');
    }
    return {
      [NAMES_HEADER]: names.join(', '),
      [AGENT_HEADER]: agent,
      [STREAMS_HEADER]: String(maxStreams),
      ...(exclusive && { [EXCLUSIVE_HEADER]: '1' }),
      ...(host !== undefined && { [HOST_HEADER]: host }),
      ...(shown !== undefined && { Authorization: `Bearer ${shown}` }),
    };
  };
}

function hostOf({ host = 'preserve', target }: TunnelOptions): string | undefined {
  if (host === 'preserve') return undefined;
  if (host !== 'target') return host;
  const parsed = parseTarget(target);
  if (parsed.kind === 'handler') throw invalidArgument('a handler has no host of its own');
  return parsed.host;
}

/** Characters of what a relay says beside the code. */
const LONGEST_DETAIL = 200;

/** What the relay says, by its code, rather than how the handshake failed. */
export function toError(error: unknown): Error {
  if (HandshakeError.isInstance(error)) {
    const said = error.headers?.get(ERROR_HEADER.toLowerCase());
    const code = TUNNEL_ERROR_CODES.find((known) => known === said);
    if (code !== undefined) return new TunnelError(code, detailOf(code, error), { cause: error });
  }
  return error instanceof Error ? error : new Error(String(error));
}

/** Which name, for one. */
function detailOf(code: TunnelErrorCode, { body }: HandshakeError): string {
  const beginning = `${new TunnelError(code).message}: `;
  const text = body === undefined ? '' : Buffer.from(body).toString().trim();
  return text.startsWith(beginning) ? text.slice(beginning.length).slice(0, LONGEST_DETAIL) : '';
}
