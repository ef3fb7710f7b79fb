/** Who may call a name: anybody, those with a password or a token, those at certain addresses. */
import { randomBytes } from 'node:crypto';
import { invalidArgument, TunnelError } from '../errors.ts';
import { isName } from '../registration.ts';
import { IpList, isAddress } from './ip-list.ts';
import { PasswordVerifier, type Verdict } from './password-verifier.ts';
import { parsePasswordHash, type PasswordHash } from './password.ts';
import { hashToken } from './tokens.ts';

/** Everything that is given has to be fulfilled; of `basic` and `bearer` one of them. */
export interface AccessPolicy {
  /** Addresses and ranges that may call. Default all. */
  readonly allow?: readonly string[];
  /** Those that may not, whatever `allow` says; nor what is no address. Default none. */
  readonly deny?: readonly string[];
  /** User names, and what `hashPassword` makes of their passwords. Default none is asked for. */
  readonly basic?: Readonly<Record<string, string>>;
  /** What `hashToken` makes of the tokens. Default none is asked for. */
  readonly bearer?: readonly string[];
  /** Told to people who are asked for a password. Default "tunnel". */
  readonly realm?: string;
}

export interface AccessRequest {
  /** Of the caller; undefined where there is none, which no list of addresses has. */
  readonly address: string | undefined;
  /** The value of Authorization. */
  readonly authorization: string | undefined;
}

export type AccessResult =
  | {
      readonly isAllowed: true;
      /** Who showed a password. */
      readonly user: string | undefined;
      /** Whether Authorization was for the relay: then it is not passed on. */
      readonly usedAuthorization: boolean;
    }
  | {
      readonly isAllowed: false;
      /**
       * ERR_TUNNEL_FORBIDDEN, ERR_TUNNEL_UNAUTHORIZED, ERR_TUNNEL_RATE_LIMITED for an address that
       * guesses, or ERR_TUNNEL_BUSY: ask again later.
       */
      readonly error: TunnelError;
      /** WWW-Authenticate, or Retry-After, as names and values in turn. */
      readonly fields: readonly string[];
    };

/** Characters of a password, or of a token, that are looked at. */
const MAX_CREDENTIAL = 1_024;

/** One policy, ready to be asked. */
export class Access {
  readonly #allow: IpList | undefined;
  readonly #deny: IpList | undefined;
  readonly #users: ReadonlyMap<string, PasswordHash> | undefined;
  readonly #tokens: ReadonlySet<string> | undefined;
  readonly #realm: string;
  readonly #verifier: PasswordVerifier;

  /** Throws a TypeError that names the option that is wrong. */
  constructor(policy: AccessPolicy, verifier: PasswordVerifier = new PasswordVerifier()) {
    const { allow, deny, basic, bearer, realm = 'tunnel' } = policy;
    this.#allow = allow && new IpList('allow', allow);
    this.#deny = deny && new IpList('deny', deny);
    this.#users = basic && usersOf(basic);
    this.#tokens = bearer && tokensOf(bearer);
    if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(realm)) {
      throw invalidArgument('realm has characters that it cannot have');
    }
    this.#realm = realm;
    this.#verifier = verifier;
  }

  /** A promise only where a password is verified for the first time. */
  check({ address, authorization }: AccessRequest): AccessResult | Promise<AccessResult> {
    if (!this.#mayComeFrom(address)) {
      return { isAllowed: false, error: new TunnelError('ERR_TUNNEL_FORBIDDEN'), fields: [] };
    }
    if (this.#users === undefined && this.#tokens === undefined) return granted(undefined, false);
    const match = /^([A-Za-z]+) +(\S+) *$/.exec(authorization ?? '');
    const scheme = match?.[1]?.toLowerCase();
    const credential = match?.[2] ?? '';
    if (credential.length > 2 * MAX_CREDENTIAL) return this.#refuse(false);
    if (scheme === 'bearer' && this.#tokens !== undefined) {
      return this.#tokens.has(hashToken(credential))
        ? granted(undefined, true)
        : this.#refuse(true);
    }
    if (scheme === 'basic' && this.#users !== undefined) {
      const pair = Buffer.from(credential, 'base64').toString();
      return this.#checkPassword(this.#users, pair, address);
    }
    return this.#refuse(false);
  }

  #mayComeFrom(address: string | undefined): boolean {
    if (this.#allow === undefined && this.#deny === undefined) return true;
    // What is no address is on no list, whichever it is.
    if (address === undefined || !isAddress(address)) return false;
    if (this.#deny?.has(address) === true) return false;
    return this.#allow?.has(address) ?? true;
  }

  #checkPassword(
    users: ReadonlyMap<string, PasswordHash>,
    pair: string,
    address: string | undefined,
  ): AccessResult | Promise<AccessResult> {
    // RFC 7617 §2: the first colon ends the user name.
    const colon = pair.indexOf(':');
    if (colon === -1) return this.#refuse(false);
    const user = pair.slice(0, colon);
    const password = pair.slice(colon + 1);
    // A user that is none takes as long as one whose password is another.
    const hash = users.get(user) ?? NOBODY;
    const decide = (verdict: Verdict): AccessResult => {
      if (verdict === 'busy') return busy();
      if (verdict === 'limited') return limited(this.#verifier.waitOf(address));
      return verdict === 'right' && hash !== NOBODY ? granted(user, true) : this.#refuse(false);
    };
    const verdict = this.#verifier.verify({ user, password, hash, address });
    return verdict instanceof Promise ? verdict.then(decide) : decide(verdict);
  }

  /** RFC 9110 §11.6.1 */
  #refuse(hasInvalidToken: boolean): AccessResult {
    const fields: string[] = [];
    const realm = `realm="${this.#realm}"`;
    if (this.#users !== undefined) {
      fields.push('WWW-Authenticate', `Basic ${realm}, charset="UTF-8"`);
    }
    if (this.#tokens !== undefined) {
      // RFC 6750 §3.1
      const error = hasInvalidToken ? ', error="invalid_token"' : '';
      fields.push('WWW-Authenticate', `Bearer ${realm}${error}`);
    }
    return { isAllowed: false, error: new TunnelError('ERR_TUNNEL_UNAUTHORIZED'), fields };
  }
}

function busy(): AccessResult {
  const error = new TunnelError('ERR_TUNNEL_BUSY', 'too many passwords are being verified');
  return { isAllowed: false, error, fields: [] };
}

function limited(seconds: number): AccessResult {
  const error = new TunnelError('ERR_TUNNEL_RATE_LIMITED', 'too many passwords were wrong');
  return { isAllowed: false, error, fields: ['Retry-After', String(seconds)] };
}

/** No password has this key. */
const NOBODY: PasswordHash = {
  N: 16_384,
  r: 8,
  p: 1,
  salt: randomBytes(16),
  key: randomBytes(32),
};

function granted(user: string | undefined, usedAuthorization: boolean): AccessResult {
  return { isAllowed: true, user, usedAuthorization };
}

function usersOf(basic: Readonly<Record<string, string>>): Map<string, PasswordHash> {
  const users = new Map<string, PasswordHash>();
  for (const [user, hash] of Object.entries(basic)) {
    if (user.includes(':')) throw invalidArgument('basic: a user name has a colon');
    users.set(user, parsePasswordHash(hash));
  }
  return users;
}

function tokensOf(bearer: readonly string[]): Set<string> {
  for (const hash of bearer) {
    if (!/^[0-9a-f]{64}$/i.test(hash)) throw invalidArgument('bearer: a hash is no SHA-256');
  }
  return new Set(bearer.map((hash) => hash.toLowerCase()));
}

/** A TypeError for what no policy can be for: it is for a name, or for `*`, which is all others. */
export function requirePolicyName(name: string): string {
  if (name === '*' || isName(name)) return name;
  throw invalidArgument(`access: ${JSON.stringify(name)} is neither a name nor "*"`);
}
