import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandshakeError, ProtocolError, type CloseInfo } from 'framewire';
import {
  failureOfAnswer,
  failureOfClose,
  failureOfOpening,
  failureOfSilence,
  Failures,
} from '#src/bench/failures.js';
import { ExitCode } from '#src/exit-codes.js';

function closed(info: Partial<CloseInfo>): CloseInfo {
  return { code: 1000, reason: '', wasClean: true, initiator: 'server', ...info };
}

test('a server that closes before the time is a failure, even with 1000 (RFC 6455 §7.4.1)', () => {
  for (const code of [1000, 1001, 1005]) {
    assert.equal(failureOfClose(closed({ code })).exitCode, ExitCode.error);
  }
  const failure = failureOfClose(closed({ code: 4001, reason: 'tired\u001b' }));
  assert.deepEqual(failure, {
    text: String.raw`closed by the server: 4001 "tired\x1b"`,
    exitCode: ExitCode.closedByPeer,
    closeCode: 4001,
  });
});

test('a connection that failed tells why', () => {
  const error = new ProtocolError('ERR_WS_RESERVED_BITS', 'RSV1 is set');
  const failure = failureOfClose(
    closed({ code: 1006, wasClean: false, initiator: 'client', error }),
  );
  assert.match(failure.text, /^failed: .*RSV1 is set/u);
  assert.equal(failure.exitCode, ExitCode.protocolViolation);
});

test('no answer and a wrong one', () => {
  assert.match(failureOfSilence(2500).text, /^no answer within 2\.5 s; /u);
  assert.equal(failureOfSilence(2500).exitCode, ExitCode.timeout);
  assert.match(failureOfAnswer('it sang').text, /^the server does not echo: it sang$/u);
  assert.equal(failureOfAnswer('it sang').exitCode, ExitCode.error);
});

test('an opening handshake that failed has the exit code it always has', () => {
  const refused = new HandshakeError('ERR_WS_STATUS', '', { status: 403 });
  assert.equal(failureOfOpening(refused).exitCode, ExitCode.handshakeRefused);
});

test('too many open files are told with what can be done', () => {
  const cause = Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' });
  const failure = failureOfOpening(new HandshakeError('ERR_WS_NETWORK', '', { cause }));
  assert.match(failure.text, /ulimit -n/u);
  assert.equal(failure.exitCode, ExitCode.error);
});

test('the first failure is remembered, equal ones are counted together', () => {
  const failures = new Failures();
  failures.add(failureOfSilence(1000));
  failures.add(failureOfClose(closed({ code: 1001 })));
  failures.add(failureOfClose(closed({ code: 1001 })));
  assert.equal(failures.count, 3);
  assert.equal(failures.first?.exitCode, ExitCode.timeout);
  assert.deepEqual([...failures.texts.values()], [1, 2]);
  assert.deepEqual([...failures.closes], [[1001, 2]]);
});

test('a peer with a new reason for each connection does not fill the memory', () => {
  const failures = new Failures();
  for (let index = 0; index < 1000; index++) {
    failures.add(failureOfClose(closed({ code: 4001, reason: String(index) })));
  }
  assert.equal(failures.texts.size, 21);
  assert.equal(failures.texts.get('others'), 980);
  assert.deepEqual([...failures.closes], [[4001, 1000]]);
});
