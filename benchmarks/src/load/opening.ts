/** The client's opening handshake (RFC 6455 §4.1): as short as it can be. */

/** The example of §1.3: one key is as good as another here. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

export const HOST = '127.0.0.1';

export function openingRequest(port: number, path: string, offer: string | undefined): string {
  const extensions = offer === undefined ? '' : `Sec-WebSocket-Extensions: ${offer}\r\n`;
  return (
    `GET ${path} HTTP/1.1\r\nHost: ${HOST}:${port}\r\nUpgrade: websocket\r\n` +
    `Connection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n` +
    `${extensions}\r\n`
  );
}

export interface OpeningAnswer {
  /** Sec-WebSocket-Extensions. */
  readonly extensions: string;
}

/** Undefined while the head is not complete. Throws for what is no acceptance, or has more behind it. */
export function readOpening(text: string): OpeningAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [status = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(lines.map(parseHeader));
  if (!status.startsWith('HTTP/1.1 101 ')) throw new Error(`the server answers ${status}`);
  if (headers.get('sec-websocket-accept') !== ACCEPT) throw new Error('the key was not accepted');
  if (text.length > end + 4) throw new Error('the server speaks first');
  return { extensions: headers.get('sec-websocket-extensions') ?? '' };
}

function parseHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
