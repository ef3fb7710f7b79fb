/** RFC 6455 §4.2: what a server does for an opening handshake, without its socket. */
import { createHash, hash } from 'node:crypto';
import {
  acceptanceHead,
  acceptFor,
  DEFAULT_HEAD_LIMITS,
  HeadReader,
  judgeRequest,
  parseRequestHead,
} from './internals.ts';
import type { Row, Table } from './table.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const LIBRARY = `GET /chat HTTP/1.1
Host: server.example.com
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: ${KEY}
Sec-WebSocket-Version: 13

`;

const BROWSER = `GET /chat?room=1 HTTP/1.1
Host: server.example.com
Connection: Upgrade
Pragma: no-cache
Cache-Control: no-cache
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36
Upgrade: websocket
Origin: https://server.example.com
Sec-WebSocket-Version: 13
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en;q=0.9,fr;q=0.8
Cookie: session=4f1c2a9b7d3e5f60718293a4b5c6d7e8
Sec-WebSocket-Key: ${KEY}
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits

`;

export const handshake: readonly Table[] = [
  {
    title: 'Opening handshake, step by step',
    rows: 'head',
    measured: steps(),
    decides: [
      { name: 'parseRequestHead', file: 'handshake/http1-head.ts' },
      { name: 'judgeRequest', file: 'handshake/server-handshake.ts' },
    ],
    unlike: true,
  },
  {
    title: 'Sec-WebSocket-Accept',
    rows: 'octets',
    measured: accepting(),
    decides: [{ name: 'acceptFor', file: 'handshake/accept-key.ts' }],
  },
];

function* steps(): Iterable<Row> {
  for (const [name, text] of [
    ['library', LIBRARY],
    ['browser', BROWSER],
  ] as const) {
    const octets = new Uint8Array(Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1'));
    const head = passed(parseRequestHead(octets));
    const offer = passed(judgeRequest(head));
    const extensions = offer.extensions && 'permessage-deflate; server_no_context_takeover';
    yield {
      label: `${name}, ${octets.length} octets`,
      ways: {
        HeadReader: () => new HeadReader(DEFAULT_HEAD_LIMITS, 'request').push(octets),
        parseRequestHead: () => parseRequestHead(octets),
        judgeRequest: () => judgeRequest(head),
        acceptanceHead: () => acceptanceHead(offer, undefined, extensions, undefined),
      },
    };
  }
}

function passed<T>(result: T): Exclude<T, Error> {
  if (result instanceof Error) throw result;
  return result as Exclude<T, Error>;
}

function* accepting(): Iterable<Row> {
  yield {
    label: KEY.length + GUID.length,
    ways: {
      acceptFor: () => acceptFor(KEY),
      'crypto.hash': () => hash('sha1', KEY + GUID, 'base64'),
      createHash: () =>
        createHash('sha1')
          .update(KEY + GUID)
          .digest('base64'),
    },
  };
}
