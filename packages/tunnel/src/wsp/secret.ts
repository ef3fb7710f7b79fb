/** Secrets that are compared and never kept in the clear, nor told to anybody. */
import { Buffer } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';
import { invalidArgument } from '../errors.ts';

export class Secrets {
  readonly #digests: readonly Buffer[];

  /** Several at once, so that they can be rotated. An empty one is none, as in wsp's configuration. */
  constructor(secrets: string | readonly string[] | undefined, name: string) {
    const list: readonly string[] = typeof secrets === 'string' ? [secrets] : (secrets ?? []);
    if (!Array.isArray(list) || list.some((secret) => typeof secret !== 'string')) {
      throw invalidArgument(`${name} is neither a string nor a list of strings`);
    }
    const given = (list as readonly string[]).filter((secret) => secret !== '');
    this.#digests = given.map((secret) => digest(secret, 'utf8'));
  }

  get isEmpty(): boolean {
    return this.#digests.length === 0;
  }

  /** In a time that tells neither where they differ nor which one it was. */
  has(given: string | undefined): boolean {
    // Node has the octets of a header as latin1.
    const asked = digest(given ?? '', 'latin1');
    let found = false;
    for (const known of this.#digests) {
      if (timingSafeEqual(known, asked)) found = true;
    }
    return found;
  }
}

function digest(text: string, encoding: 'utf8' | 'latin1'): Buffer {
  return createHash('sha256').update(Buffer.from(text, encoding)).digest();
}
