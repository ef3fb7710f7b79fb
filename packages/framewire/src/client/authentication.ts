/** Who a client says it is, in the Authorization header (RFC 9110 §11.6.2). */
import { invalidArgument } from '../errors.ts';

/** Of a server or of a proxy. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export type Authentication =
  { readonly username: string; readonly password: string } | { readonly token: string };

/** RFC 6750 §2.1 — what a token may consist of. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/u;

/** The value of the header. Throws a TypeError, without a word of the secret, for what cannot be sent. */
export function authorizationOf(auth: Authentication): string {
  if ('token' in auth) {
    if (typeof auth.token === 'string' && TOKEN.test(auth.token)) return `Bearer ${auth.token}`;
    throw invalidArgument('auth.token is none that a header can have');
  }
  const { username, password } = auth;
  if (typeof username !== 'string' || typeof password !== 'string') {
    throw invalidArgument('auth has neither a token nor a username and a password');
  }
  return basic({ username, password });
}

/**
 * RFC 7617 §2, with the charset UTF-8 (§2.1). Throws a TypeError, without a word of them, for
 * credentials that would be read as others, or that no server may take.
 */
export function basic({ username, password }: Credentials): string {
  // The first colon ends the user name.
  if (username.includes(':')) throw invalidArgument('the user name has a colon');
  if (/\p{Cc}/u.test(username + password)) {
    throw invalidArgument('the user name or the password has a control character');
  }
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
