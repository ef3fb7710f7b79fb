/** RFC 9112 §3 — the head of a request. */
import { TunnelError } from '../../errors.ts';
import { FIELD_NAME, FIELD_VALUE } from './field-syntax.ts';

const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/**
 * In latin1. The target is sent as it is; fields are names and values in turn, with Host and the framing. A
 * TunnelError for what would be no HTTP, or another request than it seems.
 */
export function writeRequestHead(
  method: string,
  target: string,
  fields: readonly string[],
): string | TunnelError {
  if (!FIELD_NAME.test(method)) return invalid('its method');
  if (!TARGET.test(target)) return invalid('its target');
  let text = `${method} ${target} HTTP/1.1\r\n`;
  let hasConnection = false;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = fields[index + 1]!;
    if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) return invalid('one of its fields');
    if (name.length === 10 && name.toLowerCase() === 'connection') hasConnection = true;
    text += `${name}: ${value}\r\n`;
  }
  // §9.3: for those who speak HTTP/1.0.
  return hasConnection ? `${text}\r\n` : `${text}Connection: keep-alive\r\n\r\n`;
}

function invalid(what: string): TunnelError {
  return new TunnelError('ERR_TUNNEL_BAD_REQUEST', `${what} cannot be sent`);
}
