/** What agents show to be let in, and the names they may claim with it. */
import { createHash, randomBytes } from 'node:crypto';
import { invalidArgument } from '../errors.ts';
import { isName } from '../registration.ts';

export interface AgentToken {
  /**
   * Who it is: in logs, and as the owner of the names it claims. Agents with tokens of one id share
   * names, those of others cannot have them meanwhile.
   */
  readonly id: string;
  /** What `hashToken` makes of the token: SHA-256 in hex. The token itself is kept nowhere. */
  readonly hash: string;
  /**
   * The names it may claim, in lower case: `demo`, `demo-*`, `*-alice`, or `*` for all. A `*`, at one
   * end, stands for one character or more. A name is a label of a host name, and has no dot.
   */
  readonly names: readonly string[];
  /** Milliseconds since 1970, from when on it is worth nothing. Default never. */
  readonly expires?: number;
  /** Connections of agents at a time, of all tokens with its id. Default 100. */
  readonly maxSessions?: number;
}

/** 256 random bits. Nobody guesses them, so that a plain hash keeps them as well as a slow one. */
const TOKEN_OCTETS = 32;

/** A new token. The beginning tells people, and those who look for leaked secrets, what it is. */
export function createToken(): string {
  return `fwt_${randomBytes(TOKEN_OCTETS).toString('base64url')}`;
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * The tokens of a relay. Several may be of one agent, so that a new one is there before the old one
 * goes. What is looked up is the hash, which nobody can steer towards another one: how long it takes
 * tells nothing about tokens, whatever the number of them.
 */
export class TokenRegistry {
  readonly #tokens: ReadonlyMap<string, AgentToken>;
  readonly #now: () => number;

  /** `now` is the time of day. Throws a TypeError for a hash, or a pattern, that is none. */
  constructor(tokens: readonly AgentToken[], now: () => number = Date.now) {
    this.#tokens = new Map(tokens.map((token) => [requireToken(token).hash.toLowerCase(), token]));
    this.#now = now;
  }

  /** Undefined for one that is not known, or has expired. */
  find(token: string): AgentToken | undefined {
    return this.get(hashToken(token));
  }

  /** The token with this hash, in lower case, as long as it is one. */
  get(hash: string): AgentToken | undefined {
    const found = this.#tokens.get(hash);
    return found === undefined || this.isExpired(found) ? undefined : found;
  }

  /** Also of a token that was good when the agent came. */
  isExpired({ expires = Infinity }: AgentToken): boolean {
    return expires <= this.#now();
  }
}

/** Whether the token's names have this one; nothing that is no name is among them. */
export function mayClaim({ names }: AgentToken, name: string): boolean {
  return isName(name) && names.some((pattern) => matches(pattern, name));
}

function matches(pattern: string, name: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1) return pattern === name;
  const before = pattern.slice(0, star);
  const after = pattern.slice(star + 1);
  if (name.length <= before.length + after.length) return false;
  return name.startsWith(before) && name.endsWith(after);
}

function requireToken(token: AgentToken): AgentToken {
  const { id, hash, names } = token;
  if (!/^[0-9a-f]{64}$/i.test(hash)) throw invalidArgument(`token ${id}: its hash is no SHA-256`);
  for (const pattern of names) {
    // A star at one end: what stands for what is plain to see. One letter for it has to make a name.
    const isSimple = /^(?:\*[^*]*|[^*]+\*?)$/.test(pattern);
    if (!isSimple || !isName(pattern.replace('*', 'x'))) {
      throw invalidArgument(`token ${id}: ${JSON.stringify(pattern)} is no pattern of names`);
    }
  }
  return token;
}
