/** RFC 6455 §1.9 and §11.3.4 — subprotocols: what is offered, and which one is agreed. */
import { invalidArgument } from '../errors.ts';
import { isToken, parseTokenList, quote } from './header-values.ts';

/**
 * The names a client offers, in its order of preference; empty if the header is absent, undefined
 * if it is malformed or names a subprotocol twice (§4.1 item 10: the names are unique tokens).
 */
export function parseSubprotocols(value: string | undefined): readonly string[] | undefined {
  if (value === undefined) return [];
  const names = parseTokenList(value);
  return names !== undefined && new Set(names).size === names.length ? names : undefined;
}

/**
 * The subprotocol to speak, or undefined for none. It is the client's first that the server
 * supports: §4.1 item 10 says that the client's list is ordered by preference, §4.2.2 leaves the
 * choice to the server, and a server of several versions loses nothing by following the client.
 * Names are compared with their case, as they are in browsers.
 */
export function selectSubprotocol(
  offered: readonly string[],
  supported: readonly string[],
): string | undefined {
  const known = new Set(supported);
  return offered.find((name) => known.has(name));
}

/** Throws a TypeError unless all names are tokens and none stands twice (§4.1 item 10). */
export function checkSubprotocolNames(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names as readonly unknown[]) {
    if (typeof name !== 'string' || !isToken(name)) {
      throw invalidArgument(`the subprotocol ${quote(String(name))} is not a token`);
    }
    if (seen.has(name)) throw invalidArgument(`the subprotocol ${name} is named twice`);
    seen.add(name);
  }
}
