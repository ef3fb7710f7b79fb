/** RFC 6455 §4 — the header fields that the opening handshake writes itself, and nobody else. */
import { invalidArgument } from '../errors.ts';

/** The Upgrade itself, and the framing of a body that a handshake does not have. */
const OWNED: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'content-length',
  'transfer-encoding',
]);

/** Throws a TypeError that names the first header which is the handshake's own. */
export function refuseOwnedHeaders(entries: readonly (readonly [string, string])[]): void {
  for (const [name] of entries) {
    const key = name.toLowerCase();
    if (OWNED.has(key) || key.startsWith('sec-websocket-')) {
      throw invalidArgument(`the header ${name} belongs to the opening handshake`);
    }
  }
}
