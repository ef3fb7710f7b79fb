import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConnectionClosedError,
  ERROR_CODES,
  HandshakeError,
  invalidArgument,
  invalidUrl,
  LimitError,
  misuse,
  outOfRange,
  ProtocolError,
  reasonFor,
  statusOf,
  TimeoutError,
  type CloseInfo,
  type ErrorCode,
  type HandshakeErrorCode,
  type LimitErrorCode,
  type ProtocolErrorCode,
  type TimeoutErrorCode,
  type UsageErrorCode,
} from '#src/errors.js';

/** The close code of each, 1006 where none is sent; a code that is missing here does not compile. */
const PROTOCOL: Readonly<Record<ProtocolErrorCode, number>> = {
  ERR_WS_RESERVED_BITS: 1002,
  ERR_WS_RESERVED_OPCODE: 1002,
  ERR_WS_MASK_REQUIRED: 1002,
  ERR_WS_MASK_FORBIDDEN: 1002,
  ERR_WS_CONTROL_FRAGMENTED: 1002,
  ERR_WS_CONTROL_TOO_LONG: 1002,
  ERR_WS_UNEXPECTED_CONTINUATION: 1002,
  ERR_WS_EXPECTED_CONTINUATION: 1002,
  ERR_WS_LENGTH_NOT_MINIMAL: 1002,
  ERR_WS_LENGTH_OUT_OF_RANGE: 1002,
  ERR_WS_CLOSE_PAYLOAD: 1002,
  ERR_WS_CLOSE_CODE: 1002,
  ERR_WS_INVALID_UTF8: 1007,
  ERR_WS_COMPRESSED_CONTROL: 1002,
  ERR_WS_COMPRESSED_CONTINUATION: 1002,
  ERR_WS_INFLATE: 1007,
  ERR_WS_TRUNCATED: 1006,
  ERR_WS_INVALID_VALUE: 1007,
};

const LIMIT: Readonly<Record<LimitErrorCode, number>> = {
  ERR_WS_MESSAGE_TOO_BIG: 1009,
  ERR_WS_TOO_MANY_FRAGMENTS: 1008,
  ERR_WS_SEND_BUFFER_FULL: 1006,
};

const TIMEOUT: Readonly<Record<TimeoutErrorCode, number>> = {
  ERR_WS_OPENING_TIMEOUT: 1006,
  ERR_WS_CLOSING_TIMEOUT: 1006,
  ERR_WS_PONG_TIMEOUT: 1011,
  ERR_WS_SEND_TIMEOUT: 1006,
};

/** The HTTP status of each; what only a client finds wrong has none of its own and would be 400. */
const HANDSHAKE: Readonly<Record<HandshakeErrorCode, number>> = {
  ERR_WS_HEAD_MALFORMED: 400,
  ERR_WS_HEAD_TOO_LARGE: 431,
  ERR_WS_HTTP_VERSION: 505,
  ERR_WS_METHOD: 405,
  ERR_WS_HOST: 400,
  ERR_WS_REQUEST_BODY: 400,
  ERR_WS_CONNECTION: 400,
  ERR_WS_UPGRADE: 426,
  ERR_WS_EXTENDED_CONNECT: 400,
  ERR_WS_VERSION: 426,
  ERR_WS_KEY: 400,
  ERR_WS_ORIGIN: 403,
  ERR_WS_PATH: 404,
  ERR_WS_SUBPROTOCOL: 400,
  ERR_WS_EXTENSION: 400,
  ERR_WS_STATUS: 400,
  ERR_WS_REDIRECT: 400,
  ERR_WS_HTTP2: 400,
  ERR_WS_ACCEPT: 400,
  ERR_WS_REFUSED: 403,
  ERR_WS_SHUTTING_DOWN: 503,
  ERR_WS_TOO_MANY_CONNECTIONS: 503,
  ERR_WS_NETWORK: 400,
  ERR_WS_PROXY: 400,
};

const USAGE: Readonly<Record<UsageErrorCode, true>> = {
  ERR_WS_CLOSED: true,
  ERR_WS_TERMINATED: true,
  ERR_WS_CONCURRENT_READ: true,
  ERR_WS_MESSAGE_DROPPED: true,
  ERR_WS_CONCURRENT_MESSAGE: true,
  ERR_WS_ALREADY_UPGRADED: true,
  ERR_WS_INVALID_ARGUMENT: true,
  ERR_WS_INVALID_URL: true,
};

const CLOSED: CloseInfo = {
  code: 1001,
  reason: 'bye',
  wasClean: true,
  initiator: 'server',
};

function codesOf<Code extends ErrorCode>(table: Readonly<Record<Code, unknown>>): Code[] {
  return Object.keys(table) as Code[];
}

/** What every message must be: the rule, what was seen, and where the rule stands. */
function assertTells(error: Error, detail: string): void {
  const section = / \((?:RFC \d{4} §\d+(?:\.\d+)*|the API)\)$/u;
  assert.match(error.message, section);
  assert.ok(error.message.includes(detail), `"${error.message}" tells ${detail}`);
  assert.doesNotMatch(error.message, /undefined|\[object|\n/u);
}

test('the table has these codes, each once', () => {
  const codes = [PROTOCOL, LIMIT, TIMEOUT, HANDSHAKE, USAGE].flatMap((table) => Object.keys(table));
  assert.deepEqual([...ERROR_CODES].sort(), codes.sort());
  assert.equal(new Set(ERROR_CODES).size, ERROR_CODES.length);
});

for (const code of codesOf(PROTOCOL)) {
  test(`${code} is a ProtocolError with the close code ${PROTOCOL[code]}`, () => {
    const cause = new Error('cause');
    const error = new ProtocolError(code, 'value 0x2a', { cause });
    assert.equal(error.code, code);
    assert.equal(error.closeCode, PROTOCOL[code]);
    assert.equal(error.cause, cause);
    assert.equal(error.name, 'ProtocolError');
    assertTells(error, ': value 0x2a (');
    assert.ok(error.message.endsWith(`(${error.section})`));
  });
}

for (const code of codesOf(LIMIT)) {
  test(`${code} is a LimitError with the close code ${LIMIT[code]}`, () => {
    const error = new LimitError(code, 'maxThings', 10, 11);
    assert.equal(error.code, code);
    assert.equal(error.closeCode, LIMIT[code]);
    assert.deepEqual([error.option, error.limit, error.actual], ['maxThings', 10, 11]);
    assert.equal(error.name, 'LimitError');
    assertTells(error, ': 11 where maxThings is 10 (');
  });
}

for (const code of codesOf(TIMEOUT)) {
  test(`${code} is a TimeoutError with the close code ${TIMEOUT[code]}`, () => {
    const error = new TimeoutError(code, 5000);
    assert.equal(error.code, code);
    assert.equal(error.closeCode, TIMEOUT[code]);
    assert.equal(error.milliseconds, 5000);
    assert.equal(error.name, 'TimeoutError');
    assertTells(error, ': 5000 ms (');
  });
}

for (const code of codesOf(HANDSHAKE)) {
  test(`${code} is a HandshakeError, answered with ${HANDSHAKE[code]}`, () => {
    const error = new HandshakeError(code, 'got "x"');
    assert.equal(error.code, code);
    assert.equal(statusOf(code), HANDSHAKE[code]);
    assert.equal(error.name, 'HandshakeError');
    assertTells(error, ': got "x" (');
  });
}

for (const code of codesOf(USAGE)) {
  test(`${code} is the caller’s, or the end`, () => {
    const error = misuse(code, 'detail', { cause: 1 });
    assert.equal(Reflect.get(error, 'code'), code);
    assert.equal(error.constructor, Error);
    assert.equal(error.cause, 1);
    assertTells(error, ': detail (');
  });
}

test('an opening handshake that takes too long is answered with 408', () => {
  assert.equal(statusOf('ERR_WS_OPENING_TIMEOUT'), 408);
});

test('without a detail a message is the rule and its section', () => {
  const { message } = new ProtocolError('ERR_WS_RESERVED_OPCODE', '');
  assert.equal(message, 'a frame has a reserved opcode (RFC 6455 §5.2)');
});

test('a handshake error has what the server answered', () => {
  const headers = new Map([['server', 'x']]);
  const body = new Uint8Array(3);
  const cause = new Error('cause');
  const error = new HandshakeError('ERR_WS_STATUS', '503', {
    status: 503,
    headers,
    body,
    url: 'ws://x',
    proxy: 'http://y',
    socksReply: 5,
    cause,
  });
  assert.deepEqual(
    [error.status, error.headers, error.body, error.url, error.proxy, error.cause],
    [503, headers, body, 'ws://x', 'http://y', cause],
  );
  assert.equal(error.socksReply, 5);
});

test('a handshake error without an answer has nothing of it, and no cause of its own', () => {
  const error = new HandshakeError('ERR_WS_NETWORK', '');
  const { status, headers, body, url, proxy, socksReply } = error;
  assert.deepEqual([status, headers, body, url, proxy, socksReply], Array(6).fill(undefined));
  assert.equal(Object.hasOwn(error, 'cause'), false);
});

test('mistakes about types and ranges are plain errors with the library’s code', () => {
  const cause = new Error('cause');
  for (const [error, type, code] of [
    [invalidArgument('7'), TypeError, 'ERR_WS_INVALID_ARGUMENT'],
    [outOfRange('7'), RangeError, 'ERR_WS_INVALID_ARGUMENT'],
    [invalidUrl('7', { cause }), TypeError, 'ERR_WS_INVALID_URL'],
  ] as const) {
    assert.equal(error.constructor, type);
    assert.equal(Reflect.get(error, 'code'), code);
    assert.ok(error.message.includes('7'));
  }
  assert.equal(invalidUrl('7', { cause }).cause, cause);
});

test('a closed connection tells how it ended', () => {
  const error = new ConnectionClosedError(CLOSED);
  assert.equal(error.code, 'ERR_WS_CLOSED');
  assert.equal(error.name, 'ConnectionClosedError');
  assert.equal(error.info, CLOSED);
  assertTells(error, ': 1001 "bye", the server began (');
});

test('a closed connection tells what made it fail', () => {
  const why = new ProtocolError('ERR_WS_TRUNCATED', 'between messages');
  const info = {
    code: 1006,
    reason: '',
    wasClean: false,
    initiator: 'network',
    error: why,
  } as const;
  const error = new ConnectionClosedError(info);
  assert.equal(error.cause, why);
  assertTells(error, ': 1006, no Close was exchanged; the transport ended without a closing');
});

const INSTANCES = {
  ProtocolError: new ProtocolError('ERR_WS_INVALID_UTF8', ''),
  LimitError: new LimitError('ERR_WS_MESSAGE_TOO_BIG', 'maxMessageSize', 1, 2),
  HandshakeError: new HandshakeError('ERR_WS_ORIGIN', ''),
  TimeoutError: new TimeoutError('ERR_WS_PONG_TIMEOUT', 1),
  ConnectionClosedError: new ConnectionClosedError(CLOSED),
};

const IS_INSTANCE: Readonly<Record<keyof typeof INSTANCES, (value: unknown) => boolean>> = {
  ProtocolError: (value) => ProtocolError.isInstance(value),
  LimitError: (value) => LimitError.isInstance(value),
  HandshakeError: (value) => HandshakeError.isInstance(value),
  TimeoutError: (value) => TimeoutError.isInstance(value),
  ConnectionClosedError: (value) => ConnectionClosedError.isInstance(value),
};

for (const [name, isInstance] of Object.entries(IS_INSTANCE)) {
  test(`${name}.isInstance knows its own, and nothing else`, () => {
    for (const [other, error] of Object.entries(INSTANCES)) {
      assert.equal(isInstance(error), other === name, other);
    }
    for (const value of [undefined, null, 1, name, {}, { name }, new Error(name), () => {}]) {
      assert.equal(isInstance(value), false);
    }
  });

  test(`${name}.isInstance knows one of another copy of the library`, () => {
    const foreign = new Error('of another copy');
    assert.equal(isInstance(foreign), false);
    Object.defineProperty(foreign, Symbol.for('framewire.error'), { value: name });
    assert.equal(isInstance(foreign), true);
  });
}

test('an error prints its name, and nothing of it is enumerable that need not be', () => {
  const error = new ProtocolError('ERR_WS_INVALID_UTF8', 'here');
  assert.equal(String(error), 'ProtocolError: text is not valid UTF-8: here (RFC 6455 §8.1)');
  assert.deepEqual(Object.keys(error).sort(), ['closeCode', 'code', 'section']);
});

test('§5.5.1 the reason of each error fits into a Close frame, and is a sentence in ASCII', () => {
  const errors = [
    ...codesOf(PROTOCOL).map((code) => new ProtocolError(code, 'x'.repeat(500))),
    ...codesOf(LIMIT).map((code) => new LimitError(code, 'maxThings', 1, 2)),
    ...codesOf(TIMEOUT).map((code) => new TimeoutError(code, 1)),
    ...codesOf(HANDSHAKE).map((code) => new HandshakeError(code, 'x'.repeat(500))),
  ];
  for (const error of errors) {
    const reason = reasonFor(error);
    assert.match(reason, /^[\x20-\x7e]{10,123}$/u, error.code);
    assert.ok(!reason.includes('xxx'), 'the detail is not for the peer');
    assert.ok(error.message.startsWith(reason));
  }
});

test('§7.1.7 an error of the application gives no reason', () => {
  assert.equal(reasonFor(new Error('hunter2')), '');
  assert.equal(reasonFor(outOfRange('hunter2')), '');
});
