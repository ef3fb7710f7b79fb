import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  HandshakeError,
  LimitError,
  ProtocolError,
  TimeoutError,
  type CloseInfo,
  type HandshakeErrorCode,
} from 'framewire';
import { errorOfClose, isFinalClose, isFinalFailure } from '#src/client/finality.js';
import { invalidArgument, invalidUrl, misuse, outOfRange } from '#src/errors.js';

/** The server closed, and was answered in kind. */
function closedByPeer(code: number): CloseInfo {
  const frame = { code, reason: '' };
  return { ...frame, wasClean: true, initiator: 'server', received: frame, sent: frame };
}

/** This side failed the connection. */
function failed(error: Error, sent?: number): CloseInfo {
  return {
    code: 1006,
    reason: '',
    wasClean: false,
    initiator: sent === undefined ? 'network' : 'client',
    ...(sent !== undefined && { sent: { code: sent, reason: '' } }),
    error,
  };
}

for (const code of [1002, 1003, 1007, 1008, 1009, 1010]) {
  test(`§7.4.1 ${code} would be repeated, whichever side says it`, () => {
    const received = closedByPeer(code);
    assert.equal(isFinalClose(received, false), true);
    assert.equal((errorOfClose(received, false) as { code?: string }).code, 'ERR_WS_CLOSED');
    const sent = failed(new Error('ours'), code);
    assert.equal(isFinalClose(sent, false), true);
    assert.equal((errorOfClose(sent, false) as { code?: string }).code, 'ERR_WS_CLOSED');
  });
}

test('§7.4.1 a violation is final also when no Close could be sent for it', () => {
  assert.equal(isFinalClose(failed(new ProtocolError('ERR_WS_INVALID_UTF8', '')), false), true);
  const large = new LimitError('ERR_WS_MESSAGE_TOO_BIG', 'maxMessageSize', 1, 2);
  assert.equal(isFinalClose(failed(large), false), true);
});

for (const code of [1011, 1012, 1013, 1014]) {
  test(`§7.4.1 ${code} passes, and is an error all the same`, () => {
    assert.equal(isFinalClose(closedByPeer(code), false), false);
    assert.equal(errorOfClose(closedByPeer(code), false)?.name, 'ConnectionClosedError');
  });
}

for (const code of [1001, 1005, 3000, 4000, 4999]) {
  test(`§7.4 ${code} is neither final nor an error when it was clean`, () => {
    assert.equal(isFinalClose(closedByPeer(code), false), false);
    assert.equal(errorOfClose(closedByPeer(code), false), undefined);
  });
}

test('§7.4.1 1000 is final and no error', () => {
  assert.equal(isFinalClose(closedByPeer(1000), false), true);
  assert.equal(errorOfClose(closedByPeer(1000), false), undefined);
});

test("an end that this side's close asked for is final and no error, whatever became of it", () => {
  const late = failed(new TimeoutError('ERR_WS_CLOSING_TIMEOUT', 5_000), 1000);
  for (const info of [closedByPeer(4000), closedByPeer(1008), late]) {
    assert.equal(isFinalClose(info, true), true);
    assert.equal(errorOfClose(info, true), undefined);
  }
});

for (const [what, info] of [
  ['a lost transport', failed(new ProtocolError('ERR_WS_TRUNCATED', ''))],
  ['a silent peer', failed(new TimeoutError('ERR_WS_PONG_TIMEOUT', 1), 1011)],
  ['a peer that does not read', failed(new TimeoutError('ERR_WS_SEND_TIMEOUT', 1))],
  ['a slow peer', failed(new LimitError('ERR_WS_SEND_BUFFER_FULL', 'maxBufferedAmount', 1, 2))],
  ['terminate()', failed(misuse('ERR_WS_TERMINATED', ''))],
] as const) {
  test(`${what} is not final, and an error`, () => {
    assert.equal(isFinalClose(info, false), false);
    assert.equal(errorOfClose(info, false)?.cause, info.error);
  });
}

const STATUSES: Readonly<Record<string, readonly number[]>> = {
  final: [200, 204, 301, 302, 307, 400, 401, 403, 404, 407, 410, 426, 431, 501, 505],
  passing: [408, 425, 429, 500, 502, 503, 504, 521, 599],
};

for (const code of ['ERR_WS_STATUS', 'ERR_WS_PROXY'] as const) {
  for (const [kind, statuses] of Object.entries(STATUSES)) {
    test(`RFC 9110 §15 ${code} with a status that is ${kind}`, () => {
      for (const status of statuses) {
        const error = new HandshakeError(code, '', { status });
        assert.equal(isFinalFailure(error), kind === 'final', String(status));
      }
    });
  }
}

test('RFC 9110 §9.3.6 a proxy that cannot be reached, or ends without an answer, passes', () => {
  const unreachable = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  for (const cause of [unreachable, new Error('it ended early')]) {
    assert.equal(isFinalFailure(new HandshakeError('ERR_WS_PROXY', '', { cause })), false);
  }
});

test('RFC 9110 §9.3.6 what a proxy answers that is neither HTTP nor SOCKS is final', () => {
  for (const code of ['ERR_WS_HEAD_MALFORMED', 'ERR_WS_HEAD_TOO_LARGE'] as const) {
    const cause = new HandshakeError(code, '');
    assert.equal(isFinalFailure(new HandshakeError('ERR_WS_PROXY', '', { cause })), true);
  }
  assert.equal(isFinalFailure(new HandshakeError('ERR_WS_PROXY', '')), true);
});

for (const reply of [1, 3, 4, 5, 6]) {
  test(`RFC 1928 §6 reply ${reply} of a SOCKS proxy passes`, () => {
    const error = new HandshakeError('ERR_WS_PROXY', '', { socksReply: reply });
    assert.equal(isFinalFailure(error), false);
  });
}

for (const reply of [2, 7, 8, 9, 255]) {
  test(`RFC 1928 §6 reply ${reply} of a SOCKS proxy is final`, () => {
    const error = new HandshakeError('ERR_WS_PROXY', '', { socksReply: reply });
    assert.equal(isFinalFailure(error), true);
  });
}

test('§4.1 a refusal without a status is final', () => {
  assert.equal(isFinalFailure(new HandshakeError('ERR_WS_STATUS', '')), true);
});

for (const code of [
  'ERR_WS_ACCEPT',
  'ERR_WS_CONNECTION',
  'ERR_WS_EXTENSION',
  'ERR_WS_HEAD_MALFORMED',
  'ERR_WS_HEAD_TOO_LARGE',
  'ERR_WS_HTTP_VERSION',
  'ERR_WS_SUBPROTOCOL',
  'ERR_WS_UPGRADE',
] as const satisfies readonly HandshakeErrorCode[]) {
  test(`§4.1 an answer that breaks the protocol is final: ${code}`, () => {
    assert.equal(isFinalFailure(new HandshakeError(code, '', { status: 101 })), true);
  });
}

for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPROTO', undefined]) {
  test(`a network that fails is not final: ${code}`, () => {
    const cause = Object.assign(new Error('network'), code !== undefined && { code });
    assert.equal(isFinalFailure(new HandshakeError('ERR_WS_NETWORK', '', { cause })), false);
  });
}

for (const code of [
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]) {
  test(`a certificate that is not trusted is final: ${code}`, () => {
    const cause = Object.assign(new Error('tls'), { code });
    for (const through of ['ERR_WS_NETWORK', 'ERR_WS_PROXY'] as const) {
      assert.equal(isFinalFailure(new HandshakeError(through, '', { cause })), true);
    }
  });
}

test('a timeout is not final', () => {
  assert.equal(isFinalFailure(new TimeoutError('ERR_WS_OPENING_TIMEOUT', 1)), false);
});

test('mistakes of the caller are final, as the library, Node and OpenSSL report them', () => {
  for (const error of [
    invalidArgument('x'),
    outOfRange('x'),
    invalidUrl('x'),
    Object.assign(new TypeError('x'), { code: 'ERR_INVALID_ARG_TYPE' }),
    Object.assign(new Error('x'), { code: 'ERR_OSSL_PEM_NO_START_LINE' }),
  ]) {
    assert.equal(isFinalFailure(error), true, error.message);
  }
});

test("what the application's own functions reject with is not final", () => {
  for (const error of [
    new TypeError('fetch failed'),
    new Error('no token'),
    Object.assign(new Error('x'), { code: 'ERR_NETWORK' }),
  ]) {
    assert.equal(isFinalFailure(error), false, error.message);
  }
});
