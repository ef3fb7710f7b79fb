/** Who may call a name: anybody, those with a password or a token, those at certain addresses. */
import { createHmac, randomBytes } from 'node:crypto';
import { invalidArgument, TunnelError } from '../errors.ts';
import { IpList } from './ip-list.ts';
import { parsePasswordHash, verifyPassword, type PasswordHash } from './password.ts';
import { hashToken } from './tokens.ts';

/** Everything that is given has to be fulfilled; of `basic` and `bearer` one of them. */
export interface AccessPolicy {
  /** Addresses and ranges that may call. Default all. */
  readonly allow?: readonly string[];
  /** Those that may not, whatever `allow` says. Default none. */
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
      /** ERR_TUNNEL_FORBIDDEN, ERR_TUNNEL_UNAUTHORIZED, or ERR_TUNNEL_BUSY: ask again later. */
      readonly error: TunnelError;
      /** WWW-Authenticate, as names and values in turn. */
      readonly fields: readonly string[];
    };

/** Verified credentials that are remembered; the oldest goes when there is one more. */
const MAX_REMEMBERED = 1_000;
/** Passwords verified at a time: each takes a thread of Node's four. */
const MAX_VERIFYING = 2;
/** Those that wait for it. Whoever guesses passwords must not fill the memory. */
const MAX_WAITING = 64;
/** Characters of a password, or of a token, that are looked at. */
const MAX_CREDENTIAL = 1_024;

/** What verification costs, shared by all names of a relay. */
export class PasswordVerifier {
  /** So that what is remembered is of no use to anybody else. */
  readonly #key = randomBytes(32);
  readonly #remembered = new Set<string>();
  readonly #verifying = new Map<string, Promise<boolean | undefined>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** At once for what was verified before; undefined if too many are waiting. */
  verify(password: string, hash: PasswordHash): true | Promise<boolean | undefined> {
    const mark = createHmac('sha256', this.#key)
      .update(hash.salt)
      .update(hash.key)
      .update(password)
      .digest('base64');
    if (this.#remembered.has(mark)) return true;
    // Browsers ask several times at once.
    const earlier = this.#verifying.get(mark);
    if (earlier !== undefined) return earlier;
    const verifying = this.#run(mark, password, hash);
    this.#verifying.set(mark, verifying);
    return verifying;
  }

  async #run(mark: string, password: string, hash: PasswordHash): Promise<boolean | undefined> {
    if (!(await this.#turn(mark))) return undefined;
    try {
      const isRight = await verifyPassword(password, hash);
      if (isRight) this.#remember(mark);
      return isRight;
    } finally {
      this.#verifying.delete(mark);
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #turn(mark: string): Promise<boolean> {
    if (this.#running >= MAX_VERIFYING) {
      if (this.#waiting.length >= MAX_WAITING) {
        queueMicrotask(() => this.#verifying.delete(mark));
        return false;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    return true;
  }

  #remember(mark: string): void {
    this.#remembered.add(mark);
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#remembered) {
      this.#remembered.delete(oldest);
      return;
    }
  }
}

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
      return this.#checkPassword(this.#users, Buffer.from(credential, 'base64').toString());
    }
    return this.#refuse(false);
  }

  #mayComeFrom(address: string | undefined): boolean {
    if (this.#allow === undefined && this.#deny === undefined) return true;
    if (address === undefined || this.#deny?.has(address) === true) return false;
    return this.#allow?.has(address) ?? true;
  }

  #checkPassword(
    users: ReadonlyMap<string, PasswordHash>,
    pair: string,
  ): AccessResult | Promise<AccessResult> {
    // RFC 7617 §2: the first colon ends the user name.
    const colon = pair.indexOf(':');
    if (colon === -1) return this.#refuse(false);
    const user = pair.slice(0, colon);
    const password = pair.slice(colon + 1);
    // A user that is none takes as long as one whose password is another.
    const hash = users.get(user) ?? NOBODY;
    const verified = this.#verifier.verify(password, hash);
    if (verified === true) return granted(user, true);
    return verified.then((isRight) => {
      if (isRight === undefined) return busy();
      return isRight && hash !== NOBODY ? granted(user, true) : this.#refuse(false);
    });
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
