/** RFC 9112 §3.2 — whom and what a request asks for: its Host header and its request target. */

/** A request target taken apart. Nothing is decoded or normalised: paths are compared exactly. */
export interface RequestTarget {
  /** Host and port of an absolute-form target, which stand above the Host header (§3.2.2). */
  readonly authority: string | undefined;
  /** Begins with "/". `//evil/path` is a path like any other, never a host. */
  readonly path: string;
  /** What stands after the first "?", without it; the empty string if there is none. */
  readonly query: string;
}

/**
 * RFC 3986 §3.2.2 — a name or an IP literal, and perhaps a port. A comma, which the grammar
 * allows, is left out: it is what two Host headers look like once they are joined.
 * The character classes do not overlap with what follows them, so that matching is linear.
 */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+;=]+)(?::([0-9]{0,5}))?$/;

/** The beginning of an absolute-form target (RFC 9112 §3.2.2), to its path. */
const ABSOLUTE_FORM = /^(?:https?|wss?):\/\/([^/?]+)/i;

/** "!" to "~" without "#", as a fragment is never sent (RFC 6455 §3, RFC 9112 §3.2). */
const TARGET_CHARACTERS = /^[!"$-~]+$/;

/** Whether a text is the host, and perhaps the port, that a Host header may name. */
export function isHost(text: string): boolean {
  const match = HOST.exec(text);
  if (match === null) return false;
  const [, port = ''] = match;
  return Number(port) <= 65_535;
}

/** RFC 9112 §3.2.3 — authority-form, which CONNECT asks for: a host and a port, both of them. */
export function isAuthorityForm(target: string): boolean {
  return /:[1-9][0-9]*$/.test(target) && isHost(target);
}

/**
 * Takes an origin-form or absolute-form target apart; undefined if it is neither, has characters
 * outside visible ASCII, a fragment, or user information (RFC 9110 §4.2.4).
 */
export function splitTarget(target: string): RequestTarget | undefined {
  if (!TARGET_CHARACTERS.test(target)) return undefined;
  if (target.startsWith('/')) return { authority: undefined, ...splitQuery(target) };
  const match = ABSOLUTE_FORM.exec(target);
  if (match === null) return undefined;
  const [beginning, authority = ''] = match;
  if (!isHost(authority)) return undefined;
  const rest = target.slice(beginning.length);
  return { authority, ...splitQuery(rest.startsWith('/') ? rest : `/${rest}`) };
}

function splitQuery(text: string): { path: string; query: string } {
  const mark = text.indexOf('?');
  if (mark === -1) return { path: text, query: '' };
  return { path: text.slice(0, mark), query: text.slice(mark + 1) };
}
