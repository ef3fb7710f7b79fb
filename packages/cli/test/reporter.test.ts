import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  HandshakeError,
  ProtocolError,
  type CloseInfo,
  type Connection,
  type ConnectionEnd,
} from 'framewire';
import { JsonReporter, TextReporter, jsonLine } from '#src/reporter.js';
import { Screen } from '#src/terminal.js';
import { recordingOutput, type RecordingOutput } from './outputs.js';

interface Recording {
  readonly output: RecordingOutput;
  readonly errors: RecordingOutput;
  readonly screen: Screen;
}

function record(isTTY: boolean): Recording {
  const output = recordingOutput(isTTY);
  const errors = recordingOutput(isTTY);
  return { output, errors, screen: new Screen({ output, errors, colours: false }) };
}

const options = { showPingPong: true, compression: false, http2: false, hint: undefined };
const octets = Uint8Array.of(0x00, 0x41);
const closed: CloseInfo = { code: 4001, reason: 'a\nb', wasClean: true, initiator: 'server' };

test('on a terminal text is made harmless, and none of its lines can pose as ours', async () => {
  const { output, screen } = record(true);
  await new TextReporter(screen, options).message('\u001b[2Jfirst\n> second');
  assert.equal(output.text, `< ${String.raw`\x1b[2Jfirst`}\n  > second\n`);
});

test('into a pipe text goes as it is', async () => {
  const { output, screen } = record(false);
  await new TextReporter(screen, options).message('\u001b[2Jfirst\nsecond');
  assert.equal(output.text, '\u001b[2Jfirst\nsecond\n');
});

test('binary is a dump in both', async () => {
  const terminal = record(true);
  await new TextReporter(terminal.screen, options).message(octets);
  assert.match(terminal.output.text, /^< binary, 2 octets\n {2}00000000 {2}00 41 .*\|\.A\|\n$/u);
  const pipe = record(false);
  await new TextReporter(pipe.screen, options).message(octets);
  assert.match(pipe.output.text, /^00000000 {2}00 41 .*\|\.A\|\n$/u);
});

test('control frames are shown when asked for: text as text, octets in hexadecimal', () => {
  const { output, screen } = record(true);
  const reporter = new TextReporter(screen, options);
  reporter.control('ping', Buffer.from('are you there'));
  reporter.control('pong', Uint8Array.of(0, 1));
  reporter.control('pong', new Uint8Array(0));
  new TextReporter(screen, { ...options, showPingPong: false }).control('ping', octets);
  assert.equal(output.text, '< ping "are you there"\n< pong 0001\n< pong\n');
});

test('a Close tells who, which code and why, in one line', () => {
  const { output, screen } = record(true);
  new TextReporter(screen, options).closed(closed);
  assert.equal(output.text, `closed by the server: 4001 "${String.raw`a\nb`}"\n`);
});

test('a connection that failed is an error', () => {
  const { errors, screen } = record(true);
  const error = new ProtocolError('ERR_WS_RESERVED_BITS', 'rsv2');
  new TextReporter(screen, options).closed({ ...closed, error });
  assert.match(errors.text, /^framewire: the connection failed: a reserved bit is set .*rsv2/u);
});

const LOST: ConnectionEnd = {
  phase: 'open',
  info: { ...closed, code: 1012, reason: 'restart' },
  error: undefined,
  failures: 1,
  openFor: 5,
  isFinal: false,
  delay: 1234,
};
const REFUSED: ConnectionEnd = {
  ...LOST,
  phase: 'connecting',
  info: undefined,
  error: new HandshakeError('ERR_WS_STATUS', '', { url: 'ws://a/', status: 503 }),
  failures: 2,
};

test('a connection that will be opened again: what became of it, and when', () => {
  const { errors, screen } = record(true);
  const reporter = new TextReporter(screen, options);
  const error = new ProtocolError('ERR_WS_TRUNCATED', '');
  reporter.gone(LOST);
  reporter.gone({ ...LOST, info: { ...closed, error } });
  reporter.gone(REFUSED);
  assert.deepEqual(errors.text.split('\n'), [
    'gone: closed by the server: 1012 "restart"; again in 1.2 s',
    `gone: ${error.message}; again in 1.2 s`,
    'the server refused ws://a/: 503 Service Unavailable; again in 1.2 s',
    '',
  ]);
});

test('JSON: the same, with milliseconds', () => {
  const { output, screen } = record(false);
  const reporter = new JsonReporter(screen, () => new Date(0));
  reporter.gone(LOST);
  reporter.gone(REFUSED);
  const [lost, refused] = output.text.split('\n', 2).map((line) => JSON.parse(line) as object);
  const time = '1970-01-01T00:00:00.000Z';
  const { code, reason, wasClean, initiator } = LOST.info ?? {};
  const close = { code, reason, wasClean, initiator };
  assert.deepEqual(lost, {
    ...{ event: 'gone', time, phase: 'open' },
    ...{ ...close, failures: 1, delay: 1234 },
  });
  const message = REFUSED.error?.message;
  const error = { code: 'ERR_WS_STATUS', message, status: 503 };
  assert.deepEqual(refused, {
    ...{ event: 'gone', time, phase: 'connecting' },
    ...{ error, failures: 2, delay: 1234 },
  });
});

test('connected: over which HTTP when that was asked for, and again', () => {
  const { output, screen } = record(true);
  const connection = {
    role: 'client',
    url: 'wss://a/',
    protocol: 'chat',
    transport: { rstCode: 0 },
  } as unknown as Connection;
  const reporter = new TextReporter(screen, { ...options, http2: true, hint: 'Ctrl-D closes' });
  reporter.opened(connection);
  reporter.opened({ ...connection, transport: {} } as unknown as Connection, 2);
  new TextReporter(screen, options).opened(connection);
  assert.deepEqual(output.text.split('\n'), [
    'connected to wss://a/ over HTTP/2, subprotocol chat (Ctrl-D closes)',
    'connected again to wss://a/ over HTTP/1.1, subprotocol chat',
    'connected to wss://a/, subprotocol chat',
    '',
  ]);
});

test('JSON: one object a line, with the time', async () => {
  const { output, screen } = record(false);
  const reporter = new JsonReporter(screen, () => new Date(0));
  await reporter.message('a\nb');
  await reporter.message(octets);
  reporter.control('ping', octets);
  reporter.closed(closed);
  const time = '1970-01-01T00:00:00.000Z';
  assert.deepEqual(
    output.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      { event: 'message', time, type: 'text', text: 'a\nb' },
      { event: 'message', time, type: 'binary', size: 2, base64: 'AEE=' },
      { event: 'ping', time, base64: 'AEE=' },
      { event: 'close', time, ...closed },
    ],
  );
});

test('JSON: an error has its code, its exit code, and a line on stderr', () => {
  const { output, errors, screen } = record(false);
  const error = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
  new JsonReporter(screen, () => new Date(0)).failed(error, 1);
  const { code, exitCode, message } = JSON.parse(output.text) as Record<string, unknown>;
  assert.deepEqual(
    { code, exitCode, message },
    { code: 'ECONNREFUSED', exitCode: 1, message: 'no' },
  );
  assert.match(errors.text, /^framewire: .*ECONNREFUSED/u);
});

test('JSON is harmless on a terminal, and still the same value', () => {
  const value = { text: '\u001b \u009b \u007f \u2028 \u202e' };
  const line = jsonLine(value);
  assert.doesNotMatch(line, /\p{Cc}|[\u2028-\u202e]/u);
  assert.deepEqual(JSON.parse(line), value);
});
