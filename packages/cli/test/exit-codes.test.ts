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
import { EXIT_CODES_HELP, ExitCode, exitCodeOfClose, exitCodeOfError } from '#src/exit-codes.js';
import { UsageError } from '#src/usage-error.js';

const { ok, error, usage, handshakeRefused, protocolViolation, timeout, closedByPeer } = ExitCode;

test('every exit code is explained in the help', () => {
  for (const code of Object.values(ExitCode)) {
    assert.match(EXIT_CODES_HELP, new RegExp(`^ {2}${code} {2}\\S`, 'mu'));
  }
});

test('opening handshakes: refused, answered wrongly, or never begun', () => {
  const handshake = (code: HandshakeErrorCode): number =>
    exitCodeOfError(new HandshakeError(code, ''));
  assert.equal(handshake('ERR_WS_STATUS'), handshakeRefused);
  assert.equal(handshake('ERR_WS_SUBPROTOCOL'), handshakeRefused);
  assert.equal(handshake('ERR_WS_ACCEPT'), protocolViolation);
  assert.equal(handshake('ERR_WS_HEAD_MALFORMED'), protocolViolation);
  assert.equal(handshake('ERR_WS_NETWORK'), error);
});

test('a redirect not followed, and HTTP/2 that is not there, are refusals', () => {
  for (const code of ['ERR_WS_REDIRECT', 'ERR_WS_HTTP2'] as const) {
    assert.equal(exitCodeOfError(new HandshakeError(code, '')), handshakeRefused);
  }
});

test('a proxy: refused with a status, answered wrongly, or never reached', () => {
  const ofProxy = (details: object): number =>
    exitCodeOfError(new HandshakeError('ERR_WS_PROXY', '', details));
  assert.equal(ofProxy({ status: 407 }), handshakeRefused);
  const malformed = new HandshakeError('ERR_WS_HEAD_MALFORMED', '');
  assert.equal(ofProxy({ cause: malformed }), protocolViolation);
  assert.equal(ofProxy({ cause: new Error('ECONNREFUSED') }), error);
  assert.equal(ofProxy({ cause: new HandshakeError('ERR_WS_NETWORK', '') }), error);
});

test('other errors', () => {
  assert.equal(exitCodeOfError(new TimeoutError('ERR_WS_OPENING_TIMEOUT', 1)), timeout);
  assert.equal(exitCodeOfError(new ProtocolError('ERR_WS_RESERVED_BITS', '')), protocolViolation);
  assert.equal(exitCodeOfError(new ProtocolError('ERR_WS_TRUNCATED', '')), error);
  assert.equal(exitCodeOfError(new UsageError('')), usage);
  const invalid = Object.assign(new TypeError(''), { code: 'ERR_WS_INVALID_URL' });
  assert.equal(exitCodeOfError(invalid), usage);
  assert.equal(exitCodeOfError(new Error('')), error);
  assert.equal(exitCodeOfError('thrown'), error);
});

function ended(info: Partial<CloseInfo>): number {
  return exitCodeOfClose(
    { code: 1000, reason: '', wasClean: true, initiator: 'server', ...info },
    'client',
  );
}

test('RFC 6455 §7.4.1 a peer that closes with 1000, 1001 or no code is content', () => {
  for (const code of [1000, 1001, 1005]) assert.equal(ended({ code }), ok);
  for (const code of [1002, 1008, 1011, 3000, 4001]) assert.equal(ended({ code }), closedByPeer);
});

test('what this side began is ok, whatever the code', () => {
  assert.equal(ended({ code: 4001, initiator: 'client' }), ok);
});

test('an end without a Close, and a failure of this side', () => {
  const noClose = { code: 1006, wasClean: false, initiator: 'network' } as const;
  assert.equal(ended(noClose), error);
  const tooBig = new LimitError('ERR_WS_MESSAGE_TOO_BIG', 'maxMessageSize', 1, 2);
  assert.equal(ended({ ...noClose, initiator: 'client', error: tooBig }), error);
  const late = new TimeoutError('ERR_WS_CLOSING_TIMEOUT', 1);
  assert.equal(ended({ ...noClose, initiator: 'client', error: late }), timeout);
});
