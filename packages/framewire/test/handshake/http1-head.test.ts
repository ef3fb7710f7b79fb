import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import {
  describeStatus,
  HeadReader,
  parseRequestHead,
  parseResponseHead,
  reasonPhrase,
  serializeRequestHead,
  serializeResponseHead,
} from '#src/handshake/http1-head.js';
import type { HeadLimits, HeadResult } from '#src/handshake/http1-head.js';
import { accepted, invalidArgument, latin1, octets, refused } from './sample-heads.js';

const REQUEST = 'GET /chat HTTP/1.1\r\nHost: server.example.com\r\nX: \r\n\r\n';
const SMALL: HeadLimits = { maxHeadSize: 64, maxHeaders: 3 };

/** Pushes slices until there is an answer, and joins what was not read of the head. */
function readSliced(slices: readonly Uint8Array[], limits?: HeadLimits): HeadResult {
  const reader = new HeadReader(limits);
  for (const [index, slice] of slices.entries()) {
    const result = reader.push(slice);
    if (result.kind === 'needMore') continue;
    if (result.kind === 'refusal') return result;
    const rest = [result.rest, ...slices.slice(index + 1)].map(latin1).join('');
    return { ...result, rest: octets(rest) };
  }
  return { kind: 'needMore' };
}

function sliceAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

/** A result as plain data: what a peer and an application can see of it. */
function visible(result: HeadResult): unknown {
  if (result.kind === 'needMore') return result;
  if (result.kind === 'refusal') return { code: result.error.code, message: result.error.message };
  return { head: latin1(result.head), rest: latin1(result.rest) };
}

test('RFC 9112 §2.1, case 19: a head ends at its blank line, the rest is for somebody else', () => {
  const result = new HeadReader().push(octets(`${REQUEST}\x81\x85frame`));
  assert.deepEqual(visible(result), { head: REQUEST, rest: '\x81\x85frame' });
  assert.deepEqual(visible(new HeadReader().push(octets(REQUEST))), { head: REQUEST, rest: '' });
});

test('RFC 9112 §2.1: a head of one chunk is a view of it; of several, it is a copy', () => {
  const chunk = Buffer.from(`${REQUEST}rest`);
  const whole = new HeadReader().push(chunk);
  assert.ok(whole.kind === 'head');
  assert.equal(whole.head.buffer, chunk.buffer);
  assert.equal(latin1(whole.head), REQUEST);
  const reader = new HeadReader();
  assert.equal(reader.push(chunk.subarray(0, 10)).kind, 'needMore');
  const joined = reader.push(chunk.subarray(10));
  chunk.fill(0);
  assert.ok(joined.kind === 'head');
  assert.equal(latin1(joined.head), REQUEST);
});

test('RFC 9112 §2.1: a head does not depend on how the network sliced it', () => {
  const piece = fc.constantFrom(
    'GET / HTTP/1.1',
    '\r\n',
    '\r\n',
    '\r\n\r\n',
    '\r',
    '\n',
    'A: b',
    '\0',
  );
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(text, fc.array(fc.nat()), (text, cuts) => {
      const bytes = octets(text);
      assert.deepEqual(
        visible(readSliced(sliceAt(bytes, cuts), SMALL)),
        visible(readSliced([bytes], SMALL)),
      );
    }),
    { numRuns: 2000 },
  );
});

test('RFC 9112 §2.1: one octet at a time', () => {
  const slices = Array.from(octets(`${REQUEST}rest`), (octet) => Uint8Array.of(octet));
  assert.deepEqual(visible(readSliced(slices)), { head: REQUEST, rest: 'rest' });
});

test('RFC 9110 §15.2: after an interim response the reader reads the next one', () => {
  const reader = new HeadReader();
  const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
  const switching = 'HTTP/1.1 101 Switching Protocols\r\n\r\n';
  const first = reader.push(octets(hints + switching));
  assert.deepEqual(visible(first), { head: hints, rest: switching });
  assert.ok(first.kind === 'head');
  assert.deepEqual(visible(reader.push(first.rest)), { head: switching, rest: '' });
});

test('RFC 9112 §2.2: a CR or LF that stands alone is refused where it stands', () => {
  for (const text of ['GET / HTTP/1.1\n', 'GET\rX', 'A: b\r\n\n', 'A: b\r\n\rX', '\r\r', '\n']) {
    const result = new HeadReader().push(octets(text));
    assert.ok(result.kind === 'refusal', JSON.stringify(text));
    refused(result.error, 'ERR_WS_HEAD_MALFORMED');
  }
});

test('RFC 6585 §5: a head of exactly the limit is read, one octet more is refused', () => {
  const limits = { maxHeadSize: REQUEST.length, maxHeaders: 100 };
  assert.equal(new HeadReader(limits).push(octets(REQUEST)).kind, 'head');
  const result = new HeadReader(limits).push(octets(`X${REQUEST}`));
  assert.ok(result.kind === 'refusal');
  refused(result.error, 'ERR_WS_HEAD_TOO_LARGE');
});

test('a refusal is final, and has a status only where there is somebody to answer', () => {
  const reader = new HeadReader(SMALL, 'request');
  const result = reader.push(new Uint8Array(65));
  assert.ok(result.kind === 'refusal');
  assert.equal(result.error.status, 431);
  assert.deepEqual(reader.push(octets(REQUEST)), result);
  const ofResponse = new HeadReader(SMALL).push(octets('\n'));
  assert.ok(ofResponse.kind === 'refusal');
  assert.equal(ofResponse.error.status, undefined);
});

test('case 17 (CVE-2023-43669): 20 MB of one header, whole and in small slices', () => {
  const line = new Uint8Array(20_000_000).fill(0x61);
  const whole = new HeadReader().push(line);
  assert.ok(whole.kind === 'refusal');
  refused(whole.error, 'ERR_WS_HEAD_TOO_LARGE');

  const reader = new HeadReader();
  let pushed = 0;
  while (reader.push(line.subarray(pushed, pushed + 7)).kind === 'needMore') pushed += 7;
  assert.equal(pushed, 16_380, 'refused in the slice that reaches the limit');
});

test('case 30 (CVE-2026-47073): a response without an end is refused at the limit', () => {
  const reader = new HeadReader();
  const line = octets(`X-Header: ${'a'.repeat(1000)}\r\n`);
  let lines = 1;
  while (reader.push(line).kind === 'needMore') lines++;
  assert.equal(lines, Math.ceil(16_384 / line.length));
});

test('case 17: a large limit is reached in linear time by single octets', () => {
  const reader = new HeadReader({ maxHeadSize: 1_000_000, maxHeaders: 1 });
  const octet = octets('a');
  for (let count = 1; count < 1_000_000; count++) {
    assert.equal(reader.push(octet).kind, 'needMore');
  }
  assert.equal(reader.push(octet).kind, 'refusal');
});

test('RFC 9112 §3: a request line and its fields', () => {
  assert.deepEqual(parseRequestHead(octets(REQUEST)), {
    method: 'GET',
    target: '/chat',
    httpVersion: '1.1',
    headers: new Map([
      ['host', 'server.example.com'],
      ['x', ''],
    ]),
  });
});

test('RFC 9112 §4: a status line, its reason empty or left out', () => {
  const read = (line: string) => accepted(parseResponseHead(octets(`${line}\r\n\r\n`)));
  assert.deepEqual(read('HTTP/1.1 101 Switching Protocols'), {
    httpVersion: '1.1',
    status: 101,
    reason: 'Switching Protocols',
    headers: new Map(),
    cookies: [],
  });
  assert.equal(read('HTTP/1.1 200 ').reason, '');
  assert.equal(read('HTTP/1.1 200').reason, '');
  assert.equal(read('HTTP/1.0 404 Not  Found\xe9').reason, 'Not  Found\xe9');
  assert.equal(read('HTTP/1.0 200 OK').httpVersion, '1.0');
});

test('RFC 9112 §5: values lose the space around them, and are latin1', () => {
  const head = octets('GET / HTTP/1.1\r\nA:\t b c \t\r\na:d\r\nB: \x80\xff\r\n\r\n');
  const { headers } = accepted(parseRequestHead(head));
  assert.deepEqual(
    [...headers],
    [
      ['a', 'b c, d'],
      ['b', '\x80\xff'],
    ],
  );
});

test('RFC 9112 §2.2, §5.1, §5.2: fields that two parsers may read differently', () => {
  for (const field of [
    'A: b\nB: c',
    'A: b\rB: c',
    'A: b\r\n c',
    'A: b\r\n\tc',
    ' A: b',
    'A : b',
    'A\t: b',
    ': b',
    'A',
    'A b: c',
    'A\0: b',
    'A: b\0',
    'A: \x1b[31m',
    'A: \x7f',
    'Ä: b',
    '',
    'A: b\r\n\r\nB: c',
  ]) {
    const text = JSON.stringify(field);
    const request = parseRequestHead(octets(`GET / HTTP/1.1\r\n${field}\r\n\r\n`));
    assert.equal(refused(request, 'ERR_WS_HEAD_MALFORMED').status, 400, text);
    const response = parseResponseHead(octets(`HTTP/1.1 101 OK\r\n${field}\r\n\r\n`));
    assert.equal(refused(response, 'ERR_WS_HEAD_MALFORMED').status, undefined, text);
  }
});

test('RFC 9112 §2.1: a head that has no end', () => {
  for (const text of ['', '\r\n', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nA: b', '\n\n']) {
    refused(parseRequestHead(octets(text)), 'ERR_WS_HEAD_MALFORMED');
  }
});

test('RFC 9112 §3: malformed request lines', () => {
  for (const line of [
    '',
    'GET',
    'GET /',
    'GET  / HTTP/1.1',
    'GET / HTTP/1.1 ',
    ' GET / HTTP/1.1',
    'GET /a b HTTP/1.1',
    'GET\t/\tHTTP/1.1',
    'G(T / HTTP/1.1',
    'GET /\x7f HTTP/1.1',
    'GET /\xe9 HTTP/1.1',
    'GET /a#b HTTP/1.1',
    'GET * HTTP/1.1',
    'GET example.com:80 HTTP/1.1',
    'GET / http/1.1',
    'GET / HTTP/11',
    'GET / HTTP/1.10',
    'GET / HTTPS/1.1',
    'GET / HTTP/1.1\0',
    '\r\nGET / HTTP/1.1',
  ]) {
    refused(parseRequestHead(octets(`${line}\r\nHost: a\r\n\r\n`)), 'ERR_WS_HEAD_MALFORMED');
  }
});

test('RFC 9112 §4: malformed status lines', () => {
  for (const line of [
    '',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\rK',
    'ICY 200 OK',
    '\x81\x05Hello',
  ]) {
    refused(parseResponseHead(octets(`${line}\r\n\r\n`)), 'ERR_WS_HEAD_MALFORMED');
  }
});

test('RFC 9110 §2.5, case 2: another major version is refused, a higher minor one is read', () => {
  const request = (version: string) => parseRequestHead(octets(`GET / ${version}\r\n\r\n`));
  assert.equal(refused(request('HTTP/2.0'), 'ERR_WS_HTTP_VERSION').status, 505);
  refused(request('HTTP/0.9'), 'ERR_WS_HTTP_VERSION');
  assert.equal(accepted(request('HTTP/1.0')).httpVersion, '1.0');
  assert.equal(accepted(request('HTTP/1.9')).httpVersion, '1.1');
  const response = parseResponseHead(octets('HTTP/2.0 200 OK\r\n\r\n'));
  assert.equal(refused(response, 'ERR_WS_HTTP_VERSION').status, undefined);
});

test('RFC 9113 §3.4: the preface of HTTP/2 is a version that is not spoken', () => {
  refused(parseRequestHead(octets('PRI * HTTP/2.0\r\n\r\n')), 'ERR_WS_HTTP_VERSION');
});

test('RFC 6585 §5, case 15 (CVE-2024-37890): 2000 fields, and one more than the limit', () => {
  const fields = (count: number) => octets(`GET / HTTP/1.1\r\n${'A:b\r\n'.repeat(count)}\r\n`);
  const result = refused(parseRequestHead(fields(2000)), 'ERR_WS_HEAD_TOO_LARGE');
  assert.equal(result.status, 431);
  accepted(parseRequestHead(fields(100)));
  accepted(parseRequestHead(octets(REQUEST), { ...SMALL, maxHeadSize: REQUEST.length }));
  refused(parseRequestHead(fields(101)), 'ERR_WS_HEAD_TOO_LARGE');
  refused(
    parseRequestHead(octets(REQUEST), { ...SMALL, maxHeadSize: 10 }),
    'ERR_WS_HEAD_TOO_LARGE',
  );
});

test('GHSA-5v72-xg48-5rpm: field names of Object.prototype', () => {
  const head = octets('GET / HTTP/1.1\r\n__proto__: a\r\nconstructor: b\r\n\r\n');
  assert.deepEqual(
    [...accepted(parseRequestHead(head)).headers],
    [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ],
  );
});

test('RFC 9112 §2: no octets make a parser throw', () => {
  const mischief = fc.string({
    unit: fc.constantFrom('G', '/', ' ', ':', '\r\n', '\r', '\n', '\0', '\xe9', 'HTTP/1.1', '200'),
  });
  const heads = fc.oneof(fc.uint8Array({ maxLength: 200 }), mischief.map(octets));
  fc.assert(
    fc.property(heads, (head) => {
      for (const end of ['', '\r\n\r\n']) {
        const whole = octets(latin1(head) + end);
        assert.equal(typeof parseRequestHead(whole), 'object');
        assert.equal(typeof parseResponseHead(whole), 'object');
      }
    }),
    { numRuns: 1000 },
  );
});

const tokens = fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}$/);
const values = fc.stringMatching(/^(?:[!-~\xa1-\xff](?:[ -~\t\x80-\xff]{0,12}[!-~\xa1-\xff])?)?$/);
const fields = fc.array(fc.tuple(tokens, values), { maxLength: 20 });

function joined(entries: readonly (readonly [string, string])[]): Map<string, string> {
  const names = [...new Set(entries.map(([name]) => name.toLowerCase()))];
  const valuesOf = (wanted: string) =>
    entries.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  return new Map(names.map((name) => [name, valuesOf(name).join(', ')]));
}

test('RFC 9112 §3: a request that is written is the request that is read', () => {
  const targets = fc.webPath().map((path) => `/${path}`);
  const methods = tokens.filter((method) => method !== 'CONNECT');
  fc.assert(
    fc.property(methods, targets, fields, (method, target, fields) => {
      const head = serializeRequestHead(method, target, fields);
      const read = accepted(parseRequestHead(head));
      assert.deepEqual(read, { method, target, httpVersion: '1.1', headers: joined(fields) });
    }),
  );
});

test('RFC 9112 §3.2.3: a CONNECT asks for a host and a port, and nothing else does', () => {
  const head = serializeRequestHead('CONNECT', '[::1]:443', [['Host', '[::1]:443']]);
  assert.equal(
    Buffer.from(head).toString('latin1'),
    'CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n',
  );
  for (const [method, target] of [
    ['CONNECT', '/'],
    ['CONNECT', 'http://example.com:80/'],
    ['CONNECT', 'example.com'],
    ['CONNECT', 'example.com:443\r\nX: y'],
    ['GET', 'example.com:443'],
    // Methods are case-sensitive (RFC 9110 §9.1).
    ['connect', 'example.com:443'],
  ] as const) {
    assert.throws(() => serializeRequestHead(method, target, []), invalidArgument, target);
  }
});

test('RFC 9112 §4: a response that is written is the response that is read', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 999 }), values, fields, (status, reason, fields) => {
      const head = serializeResponseHead(status, reason, fields);
      const read = accepted(parseResponseHead(head));
      const cookies = fields
        .filter(([name]) => name.toLowerCase() === 'set-cookie')
        .map(([, value]) => value);
      const headers = joined(fields);
      assert.deepEqual(read, { httpVersion: '1.1', status, reason, headers, cookies });
    }),
  );
});

test('RFC 6265 §3: values of Set-Cookie have commas, and are not joined', () => {
  const cookies = ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2'];
  const lines = [
    'HTTP/1.1 101 OK',
    `Set-Cookie: ${cookies[0]}`,
    'X: y',
    `set-cookie:${cookies[1]} `,
  ];
  const read = accepted(parseResponseHead(octets(`${lines.join('\r\n')}\r\n\r\n`)));
  assert.deepEqual(read.cookies, cookies);
  assert.equal(read.headers.get('set-cookie'), cookies.join(', '));
});

test('RFC 9110 §15: a status has three digits', () => {
  for (const status of [100, 999]) {
    assert.equal(accepted(parseResponseHead(serializeResponseHead(status, '', []))).status, status);
  }
});

test('case 18: nothing that is written breaks out of its place', () => {
  const broken = 'a\r\nX: y';
  for (const write of [
    () => serializeRequestHead(broken, '/', []),
    () => serializeRequestHead('', '/', []),
    () => serializeRequestHead('GET', `/${broken}`, []),
    () => serializeRequestHead('GET', '/a HTTP/1.1', []),
    () => serializeRequestHead('GET', '', []),
    () => serializeRequestHead('GET', '/', [[broken, 'a']]),
    () => serializeRequestHead('GET', '/', [['A', broken]]),
    () => serializeRequestHead('GET', '/', [['A', '\u0100']]),
    () => serializeResponseHead(200, broken, []),
    () => serializeResponseHead(200, 'OK', [['A', 'b\nc']]),
    () => serializeResponseHead(99, 'OK', []),
    () => serializeResponseHead(1000, 'OK', []),
    () => serializeResponseHead(200.5, 'OK', []),
  ]) {
    assert.throws(write, invalidArgument, String(write));
  }
});

test('RFC 9110 §15: reason phrases, and none for a status nobody knows', () => {
  assert.equal(reasonPhrase(101), 'Switching Protocols');
  assert.equal(reasonPhrase(426), 'Upgrade Required');
  assert.equal(reasonPhrase(599), '');
});

test('case 26: a status is told with the usual phrase, or with the server’s own words in quotes', () => {
  for (const [status, reason, words] of [
    [200, 'OK', '200 OK'],
    [401, '', '401 Unauthorized'],
    [403, 'go "away"', '403 "go \\"away\\""'],
    [503, 'Busy', '503 "Busy"'],
    [599, '', '599'],
  ] as const) {
    assert.equal(describeStatus(status, reason), words);
  }
});
