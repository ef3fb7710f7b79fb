import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandshakeError, type Connection, type ConnectionHandler } from 'framewire';
import { ManualClock } from 'framewire/testing';
import type { LoadSettings } from '#src/bench/load-settings.js';
import { run, verdictOf, type RunInit, type RunOutcome } from '#src/bench/run.js';
import { ExitCode } from '#src/exit-codes.js';
import { FakeServer } from './fake-server.js';

const SETTINGS: LoadSettings = {
  connections: 3,
  window: 1,
  rate: undefined,
  type: 'text',
  size: 16,
  duration: 1000,
  warmup: 0,
  answerTimeout: 5000,
};

type Handler = ConnectionHandler<undefined, undefined>;

class Running {
  readonly clock: ManualClock = new ManualClock();
  readonly server: FakeServer = new FakeServer(this.clock);
  readonly asked: AbortController = new AbortController();
  readonly forced: AbortController = new AbortController();
  readonly outcome: Promise<RunOutcome>;
  readonly openings: (readonly [number, number])[] = [];
  tried = 0;

  constructor(
    settings: Partial<LoadSettings>,
    dial: (handler: Handler, running: Running) => Promise<Connection> = (handler, { server }) =>
      server.dial(handler),
  ) {
    const init: RunInit = {
      settings: { ...SETTINGS, ...settings },
      clock: this.clock,
      dial: (handler) => {
        this.tried++;
        return dial(handler, this);
      },
      observer: {
        opening: (opened, failed) => this.openings.push([opened, failed]),
        loading: () => {},
      },
      asked: this.asked.signal,
      forced: this.forced.signal,
    };
    this.outcome = run(init);
  }
}

/** Lets all that only waits for promises happen. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function refusal(): HandshakeError {
  return new HandshakeError('ERR_WS_STATUS', 'refused', { status: 503 });
}

test('connections are opened, loaded, and closed with 1000', async () => {
  const running = new Running({});
  await settled();
  running.clock.advance(1001);
  const outcome = await running.outcome;
  assert.deepEqual(
    running.server.peers.map(({ closedWith }) => closedWith),
    [1000, 1000, 1000],
  );
  assert.deepEqual(verdictOf(outcome, false), {
    exitCode: ExitCode.ok,
    text: undefined,
    isMeasured: true,
  });
  assert.equal(outcome.opening.times.count, 3);
  assert.equal(running.clock.pending, 0);
});

test('no more than a hundred opening handshakes are under way', async () => {
  const waiting: (() => void)[] = [];
  const running = new Running({ connections: 150 }, async (handler, { server }) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return server.dial(handler);
  });
  await settled();
  assert.equal(running.tried, 100);
  waiting[0]?.();
  await settled();
  assert.equal(running.tried, 101);
  running.clock.advance(250);
  assert.deepEqual(running.openings, [
    [0, 0],
    [1, 0],
  ]);
  running.asked.abort();
  while (waiting.length > 0) waiting.pop()?.();
  await running.outcome;
});

test('one that does not open makes the exit code its own; the others are measured', async () => {
  const running = new Running({}, (handler, { tried, server }) =>
    tried === 2 ? Promise.reject(refusal()) : server.dial(handler),
  );
  await settled();
  running.clock.advance(1001);
  const outcome = await running.outcome;
  const verdict = verdictOf(outcome, false);
  assert.equal(verdict.exitCode, ExitCode.handshakeRefused);
  assert.match(verdict.text ?? '', /^1 of 3 connections failed: the server refused/u);
  assert.equal(verdict.isMeasured, true);
  assert.equal(outcome.load.measurement.messages, 2000);
});

test('after twenty that did not open, no more are tried', async () => {
  const running = new Running({ connections: 10_000 }, () => Promise.reject(refusal()));
  const outcome = await running.outcome;
  // Those that were under way.
  assert.ok(running.tried < 20 + 100, `${running.tried}`);
  const { exitCode, text, isMeasured } = verdictOf(outcome, false);
  assert.deepEqual([exitCode, isMeasured], [ExitCode.handshakeRefused, false]);
  assert.match(text ?? '', /^the server refused/u);
});

test('stopped while it connects: nothing was measured, and what is open is closed', async () => {
  const running = new Running({}, (handler, { tried, server, asked: { signal } }) => {
    if (tried === 1) return server.dial(handler);
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  });
  await settled();
  running.asked.abort();
  const outcome = await running.outcome;
  assert.equal(running.server.peers[0]?.closedWith, 1000);
  const verdict = verdictOf(outcome, true);
  assert.deepEqual(verdict, {
    exitCode: ExitCode.error,
    text: 'stopped before anything was measured',
    isMeasured: false,
  });
});

test('stopped while it measures: what there is counts', async () => {
  const running = new Running({});
  await settled();
  running.clock.advance(101);
  running.asked.abort();
  await settled();
  running.clock.advance(1);
  const outcome = await running.outcome;
  assert.equal(outcome.load.measurement.elapsed, 101);
  assert.equal(verdictOf(outcome, true).exitCode, ExitCode.ok);
});

test('stopped twice: nothing is awaited, neither answers nor the closing handshake', async () => {
  const running = new Running({ connections: 1 });
  await settled();
  running.clock.advance(101);
  running.server.standStill();
  const [peer] = running.server.peers;
  assert.ok(peer !== undefined);
  // RFC 6455 §7.1.2: the Close is never answered.
  Object.assign(peer.connection, { close: () => {} });
  running.asked.abort();
  await settled();
  assert.equal(peer.isTerminated, false);
  running.forced.abort();
  const outcome = await running.outcome;
  assert.equal(peer.isTerminated, true);
  assert.equal(outcome.load.measurement.unanswered, 1);
});

test('a rate so low that no message was due is no success', async () => {
  const running = new Running({ rate: 1, warmup: 100, duration: 500 });
  await settled();
  running.clock.advance(600);
  const verdict = verdictOf(await running.outcome, false);
  assert.equal(verdict.exitCode, ExitCode.error);
  assert.match(verdict.text ?? '', /no message was due within --duration/u);
});
