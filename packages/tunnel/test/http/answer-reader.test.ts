import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import { memoryPair } from 'framewire/testing';
import { TunnelError } from '@framewire/tunnel';
import { AnswerReader, MAX_ANSWER_HEAD, type ReadHead } from '#src/http/client/answer-reader.js';

interface Read {
  readonly interims: string[];
  head: ReadHead | undefined;
  content: string;
  trailers: readonly string[] | undefined;
  switched: ReadHead | undefined;
  persists: boolean;
  keepAlive: number | undefined;
  /** Octets that belong to the answer. */
  used: number;
  error: string | undefined;
}

interface Reading {
  readonly method?: string;
  /** Where the octets are cut. */
  readonly cuts?: readonly number[];
  readonly ends?: boolean;
}

function read(text: string, { method = 'GET', cuts = [], ends = false }: Reading = {}): Read {
  const octets = Buffer.from(text, 'latin1');
  const result: Read = {
    interims: [],
    head: undefined,
    content: '',
    trailers: undefined,
    switched: undefined,
    persists: false,
    keepAlive: undefined,
    used: 0,
    error: undefined,
  };
  const reader = new AnswerReader(method, {
    onInterim: ({ status }) => result.interims.push(String(status)),
    onHead: (head) => (result.head = head),
    onContent: (chunk) => (result.content += chunk.toString('latin1')),
    onEnd: (trailers) => (result.trailers = trailers),
  });
  const stops = [...new Set([0, ...cuts, octets.length])].sort((one, other) => one - other);
  try {
    for (const [index, start] of stops.slice(0, -1).entries()) {
      // What is read is lent: it does not stay as it was.
      const lent = Buffer.from(octets.subarray(start, stops[index + 1]));
      result.used += reader.push(lent);
      lent.fill(0);
    }
    if (ends) reader.end();
  } catch (error) {
    assert.ok(TunnelError.isInstance(error));
    assert.equal(error.code, 'ERR_TUNNEL_BAD_RESPONSE');
    result.error = error.message;
  }
  result.switched = reader.switched;
  result.persists = reader.isDone && reader.persists;
  result.keepAlive = reader.keepAlive;
  return result;
}

const OK = 'HTTP/1.1 200 OK\r\n';

const ANSWERS: readonly string[] = [
  `${OK}Content-Length: 5\r\nX-Y: \t a  b\t \r\nx-y:\r\n\r\nhello`,
  `${OK}Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0a;x="y"\r\n, the rest\r\n000\r\nX: 1\r\nx: \r\n\r\n`,
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 201\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 404 Not \xe9 Found\r\nConnection: x, Keep-Alive\r\nKeep-Alive: timeout=5, max=9\r\nContent-Length: 2\r\n\r\nno',
  'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n',
];

test('RFC 9112 §4 a head, its fields as they came, and so much content as it says', () => {
  assert.deepEqual(read(`${ANSWERS[0]}more`), {
    interims: [],
    head: { status: 200, reason: 'OK', fields: ['Content-Length', '5', 'X-Y', 'a  b', 'x-y', ''] },
    content: 'hello',
    trailers: [],
    switched: undefined,
    persists: true,
    keepAlive: undefined,
    used: ANSWERS[0]!.length,
    error: undefined,
  });
});

test('RFC 9112 §7.1 chunks, whose extensions are dropped, and trailers', () => {
  const { content, trailers, persists, used } = read(`${ANSWERS[1]}more`);
  assert.equal(content, 'hello, the rest');
  assert.deepEqual(trailers, ['X', '1', 'x', '']);
  assert.equal(persists, true);
  assert.equal(used, ANSWERS[1]!.length);
});

test('RFC 9110 §15.2 interim responses come before the answer, which may have no reason', () => {
  const { interims, head, trailers } = read(ANSWERS[2]!);
  assert.deepEqual(interims, ['100', '103']);
  assert.deepEqual(head, { status: 201, reason: '', fields: ['Content-Length', '0'] });
  assert.deepEqual(trailers, []);
});

for (const version of ['HTTP/1.1', 'HTTP/1.0']) {
  test(`RFC 9110 §15.2.2 a 101 of ${version} is the end of HTTP on the connection`, () => {
    const text = `${version} 101 Switching Protocols\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\n`;
    const { switched, head, used } = read(`${text}octets`);
    assert.deepEqual(switched?.fields, ['Upgrade', 'x', 'Content-Length', '3']);
    assert.equal(head, undefined);
    assert.equal(used, text.length);
  });
}

for (const [what, text, method] of [
  ['HEAD', `${OK}Content-Length: 5\r\n\r\n`, 'HEAD'],
  ['HEAD with chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n`, 'HEAD'],
  ['a 204', 'HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n', 'GET'],
  ['a 304', 'HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n', 'GET'],
] as const) {
  test(`RFC 9112 §6.3 the answer to ${what} has no content, whatever it says`, () => {
    const { trailers, content, used, persists } = read(`${text}12345`, { method });
    assert.deepEqual(trailers, []);
    assert.equal(content, '');
    assert.equal(used, text.length);
    assert.equal(persists, true);
  });
}

test('RFC 9112 §6.3 an answer without a length ends with its connection, which is of no more use', () => {
  const cut = read(`${OK}\r\nso far`);
  assert.equal(cut.content, 'so far');
  assert.equal(cut.trailers, undefined);
  const whole = read(`${OK}\r\nso far`, { ends: true });
  assert.deepEqual(whole.trailers, []);
  assert.equal(whole.persists, false);
});

for (const text of [
  'HTTP/1.1 20',
  OK,
  `${OK}Content-Length: 2\r\n\r\na`,
  ANSWERS[1]!.slice(0, -1),
]) {
  test(`RFC 9112 §8 the end of the connection is not that of ${JSON.stringify(text)}`, () => {
    assert.equal(read(text, { ends: true }).trailers, undefined);
  });
}

for (const [head, persists] of [
  ['HTTP/1.1 200 OK\r\n', true],
  ['HTTP/1.1 200 OK\r\nConnection: x, Close\r\n', false],
  ['HTTP/1.1 200 OK\r\nConnection: closed\r\n', true],
  ['HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n', false],
  ['HTTP/1.0 200 OK\r\n', false],
  ['HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n', true],
  ['HTTP/1.9 200 OK\r\n', true],
] as const) {
  test(`RFC 9112 §9.3 after ${JSON.stringify(head)} the connection ${persists ? 'stays' : 'ends'}`, () => {
    assert.equal(read(`${head}Content-Length: 0\r\n\r\n`).persists, persists);
  });
}

test('RFC 9112 §6.1 chunks in HTTP/1.0 are read, and their connection is not trusted', () => {
  const head = 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n';
  const { content, persists } = read(`${head}1\r\na\r\n0\r\n\r\n`);
  assert.deepEqual([content, persists], ['a', false]);
  assert.equal(read(head, { method: 'HEAD' }).persists, false);
});

test('RFC 9112 §9.5 the time a server says is in seconds', () => {
  assert.equal(read(ANSWERS[3]!).keepAlive, 5_000);
  assert.equal(read(ANSWERS[0]!).keepAlive, undefined);
});

for (const [what, text] of [
  ['no status line', 'SSH-2.0-x\r\n\r\n'],
  ['an interim response of HTTP/1.0', `HTTP/1.0 103 X\r\n\r\n${OK}Content-Length: 0\r\n\r\n`],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n'],
  ['a control character in the reason', 'HTTP/1.1 200 a\x01\r\n\r\n'],
  ['a bare LF', 'HTTP/1.1 200 OK\nX: 1\r\n\r\n'],
  ['a bare LF in a value', `${OK}X: 1\nY: 2\r\n\r\n`],
  ['a bare CR in a value', `${OK}X: 1\rY: 2\r\n\r\n`],
  ['a zero octet', `${OK}X: \0\r\n\r\n`],
  ['a folded line', `${OK}X: 1\r\n 2\r\n\r\n`],
  ['a space before the colon', `${OK}Content-Length : 1\r\n\r\na`],
  ['a field without a colon', `${OK}X\r\n\r\n`],
  ['a field without a name', `${OK}: 1\r\n\r\n`],
  ['a length with a sign', `${OK}Content-Length: +1\r\n\r\na`],
  ['a length in another base', `${OK}Content-Length: 0x1\r\n\r\na`],
  ['an empty length', `${OK}Content-Length: \r\n\r\na`],
  ['a length beyond what can be counted', `${OK}Content-Length: 9007199254740992\r\n\r\na`],
  ['the same length twice', `${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
  ['two lengths in one', `${OK}Content-Length: 1, 1\r\n\r\na`],
  [
    'a length besides chunks',
    `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['another coding', `${OK}Transfer-Encoding: gzip\r\n\r\na`],
  ['chunked twice', `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
] as const) {
  test(`RFC 9112 §11.1 an answer with ${what} is refused`, () => {
    const { head, error } = read(text);
    assert.equal(head, undefined);
    assert.notEqual(error, undefined);
  });
}

for (const text of [
  'SSH-2.0-OpenSSH_9.2\r\n',
  '220 mail ESMTP\r\n',
  '\x15\x03\x01\0\x02\x02\x28',
  '<html>',
  'HTTQ',
  'HTTP/2.0 200 OK\r\n',
  'HTTP/1.1 200 OK\n',
  `${OK}X: 1\n`,
]) {
  test(`what can become no head is not waited for: ${JSON.stringify(text)}`, () => {
    assert.notEqual(read(text).error, undefined);
    const everywhere = Array.from(text, (_, index) => index);
    assert.notEqual(read(text, { cuts: everywhere }).error, undefined);
  });
}

test('RFC 9112 §2.2 empty lines before an answer are no part of it', () => {
  const { head, error, used } = read(`\r\n\r\n${ANSWERS[4]}`, { cuts: [1, 2, 3] });
  assert.deepEqual([head?.status, error, used], [204, undefined, ANSWERS[4]!.length + 4]);
});

const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

for (const [what, text] of [
  ['a length that is none', 'g\r\n'],
  ['no length', '\r\n'],
  ['a sign', '-1\r\n'],
  ['a prefix', '0x1\r\na\r\n'],
  ['a space behind the length', '1 \r\na\r\n'],
  ['a length beyond what can be counted', 'fffffffffffffff\r\n'],
  ['a bare LF behind the length', '1\na\r\n'],
  ['a bare CR in an extension', '1;\r;\r\na\r\n'],
  ['more octets than it says', '1\r\nab\r\n'],
  ['a bare LF behind its octets', '1\r\na\n'],
  ['an extension without end', `1;${'x'.repeat(2_000)}`],
  ['a trailer with a bare LF', '0\r\nX: 1\n\r\n'],
  ['a trailer without a name', '0\r\nX\r\n\r\n'],
  ['a folded trailer', '0\r\nX: 1\r\n 2\r\n\r\n'],
  ['trailers without end', `0\r\n${'X: 1\r\n'.repeat(MAX_ANSWER_HEAD / 6 + 1)}`],
] as const) {
  test(`RFC 9112 §7.1 a chunk with ${what} is refused`, () => {
    const { trailers, error } = read(`${CHUNKED}${text}`);
    assert.equal(trailers, undefined);
    assert.notEqual(error, undefined);
  });
}

test('a head has 128 KiB at most, in one piece and in many', () => {
  const rest = `${OK}Content-Length: 0\r\nX: \r\n\r\n`.length;
  const head = (size: number): string =>
    `${OK}Content-Length: 0\r\nX: ${'x'.repeat(size - rest)}\r\n\r\n`;
  const cuts = Array.from({ length: 200 }, (_, index) => index * 1_000);
  for (const each of [[], cuts]) {
    assert.equal(read(head(MAX_ANSWER_HEAD), { cuts: each }).error, undefined);
    assert.notEqual(read(head(MAX_ANSWER_HEAD + 1), { cuts: each }).error, undefined);
    const endless = 'X'.repeat(MAX_ANSWER_HEAD + 1);
    assert.notEqual(read(endless, { cuts: each }).error, undefined);
  }
});

test('nothing is told after stop, not even within the chunk', () => {
  for (const at of ['onInterim', 'onHead', 'onContent'] as const) {
    const log: string[] = [];
    const note = (what: string) => (): void => {
      log.push(what);
      if (what === at) reader.stop();
    };
    const reader: AnswerReader = new AnswerReader('GET', {
      onInterim: note('onInterim'),
      onHead: note('onHead'),
      onContent: note('onContent'),
      onEnd: note('onEnd'),
    });
    reader.push(Buffer.from(`HTTP/1.1 103 X\r\n\r\n${ANSWERS[0]}`, 'latin1'));
    assert.equal(log.at(-1), at);
    assert.equal(reader.isDone, false);
    assert.equal(reader.end(), false);
  }
});

for (const text of ANSWERS) {
  test(`any slicing gives the same: ${JSON.stringify(text.slice(0, 40))}`, () => {
    const whole = read(text);
    for (let cut = 1; cut < text.length; cut++) {
      assert.deepEqual(read(text, { cuts: [cut] }), whole);
    }
    const everywhere = Array.from(text, (_, index) => index);
    assert.deepEqual(read(text, { cuts: everywhere }), whole);
  });
}

/** What Node's client makes of it; undefined where it refuses. */
function readByNode(text: string): Promise<object | undefined> {
  const [near, far] = memoryPair();
  return new Promise((resolve) => {
    const request = http.request({ createConnection: () => near, maxHeaderSize: 1 << 20 });
    request.on('error', () => resolve(undefined)).on('close', () => resolve(undefined));
    request.on('response', (response) => {
      const { statusCode: status, statusMessage: reason, rawHeaders: fields } = response;
      let content = '';
      response.setEncoding('latin1').on('data', (chunk: string) => (content += chunk));
      response.on('error', () => resolve(undefined));
      response.on('end', () => {
        resolve({ status, reason, fields, content, trailers: response.rawTrailers });
      });
    });
    request.end();
    far.on('error', () => {}).resume();
    far.end(Buffer.from(text, 'latin1'));
  });
}

const NASTY = [
  ...['\r', '\n', '\r\n', ' ', '\t', ':', ',', ';', '0', '1', 'f', '\0', '\x7f', '\xe9', '"', '-'],
  ...['chunked', 'Content-Length: 1\r\n', 'Transfer-Encoding: chunked\r\n', 'HTTP/1.0 200 OK\r\n'],
];

/**
 * What is right, and Node refuses: a tab behind what delimits the content (RFC 9110 §5.6.3), a length as a
 * trailer (§6.5.1).
 */
function isBeyondNode({ trailers }: Read, text: string): boolean {
  const hasLength = trailers!.some((part) => part.toLowerCase() === 'content-length');
  return hasLength || /^(?:content-length|transfer-encoding):[^\r\n]*\t/im.test(text);
}

test('what is read as an answer is one to the parser of Node, and the same', async () => {
  const change = fc.record({
    at: fc.nat(200),
    removed: fc.nat(3),
    added: fc.constantFrom('', ...NASTY),
  });
  const changes = fc.array(change, { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...ANSWERS), changes, async (answer, edits) => {
      let text = answer;
      for (const { at, removed, added } of edits) {
        const where = at % text.length;
        text = text.slice(0, where) + added + text.slice(where + removed);
      }
      const ours = read(text, { ends: true });
      const { head, content, trailers, used } = ours;
      if (head === undefined || trailers === undefined || isBeyondNode(ours, text)) return;
      const { status, reason, fields } = head;
      const expected = { status, reason, fields, content, trailers };
      assert.deepEqual(await readByNode(text.slice(0, used)), expected);
    }),
    { numRuns: 3_000 },
  );
});
