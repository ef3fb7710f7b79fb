/** Passwords of people, as scrypt keeps them (RFC 7914). */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { invalidArgument } from '../errors.ts';

/** About 50 ms and 16 MiB each, on a machine of today. */
const COST = { N: 16_384, r: 8, p: 1 } as const;
const KEY_OCTETS = 32;
const SALT_OCTETS = 16;
/** What an entry may ask for, 256 MiB and a bit: it is of a configuration, which may be wrong. */
const MOST_MEMORY = 257 * 1024 * 1024;

export interface PasswordHash {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** `scrypt:16384:8:1:<salt>:<key>`, the last two in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const { N, r, p } = COST;
  const salt = randomBytes(SALT_OCTETS);
  const key = await derive(password, { N, r, p, salt, key: Buffer.alloc(KEY_OCTETS) });
  return `scrypt:${N}:${r}:${p}:${salt.toString('base64url')}:${key.toString('base64url')}`;
}

/** Throws a TypeError, without a word of the hash. */
export function parsePasswordHash(text: string): PasswordHash {
  const match = /^scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3}):([\w-]{8,86}):([\w-]{22,86})$/.exec(text);
  if (match === null) throw invalidArgument('a password is not hashed as hashPassword does it');
  const [, cost, block, parallel, salt = '', key = ''] = match;
  const [N, r, p] = [Number(cost), Number(block), Number(parallel)];
  if (r < 1 || p < 1 || p > 16 || !isCost(N, r) || memoryOf({ N, r, p }) > MOST_MEMORY) {
    throw invalidArgument('a password is hashed with a cost that is none');
  }
  return { N, r, p, salt: Buffer.from(salt, 'base64url'), key: Buffer.from(key, 'base64url') };
}

/** RFC 7914 §2: a power of 2, and below 2^(128 r / 8). */
function isCost(N: number, r: number): boolean {
  return N > 1 && (N & (N - 1)) === 0 && N < 2 ** (16 * r);
}

/** Octets, as OpenSSL counts them. */
function memoryOf({ N, r, p }: Pick<PasswordHash, 'N' | 'r' | 'p'>): number {
  return 128 * r * (N + p + 2);
}

/** Does not reject: where there is no memory for it the password is wrong, with a warning. */
export async function verifyPassword(password: string, hash: PasswordHash): Promise<boolean> {
  try {
    return timingSafeEqual(await derive(password, hash), hash.key);
  } catch (mistake) {
    process.emitWarning(mistake instanceof Error ? mistake : String(mistake));
    return false;
  }
}

function derive(password: string, { N, r, p, salt, key }: PasswordHash): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, key.length, { N, r, p, maxmem: MOST_MEMORY }, (error, derived) => {
      if (error) reject(error);
      else resolve(derived);
    });
  });
}
