/** Passwords of people, as scrypt keeps them (RFC 7914). */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { invalidArgument } from '../errors.ts';

/** About 50 ms and 16 MiB each, on a machine of today. */
const COST = { N: 16_384, r: 8, p: 1 } as const;
const KEY_OCTETS = 32;
const SALT_OCTETS = 16;
/** What an entry may ask for: it comes from a configuration, which may be wrong. */
const MOST_MEMORY = 256 * 1024 * 1024;

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
  const isPower = N > 1 && (N & (N - 1)) === 0;
  if (!isPower || r < 1 || p < 1 || p > 16 || 128 * N * r > MOST_MEMORY) {
    throw invalidArgument('a password is hashed with a cost that is none');
  }
  return { N, r, p, salt: Buffer.from(salt, 'base64url'), key: Buffer.from(key, 'base64url') };
}

export async function verifyPassword(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, hash), hash.key);
}

function derive(password: string, { N, r, p, salt, key }: PasswordHash): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, key.length, { N, r, p, maxmem: 2 * MOST_MEMORY }, (error, derived) => {
      if (error) reject(error);
      else resolve(derived);
    });
  });
}
